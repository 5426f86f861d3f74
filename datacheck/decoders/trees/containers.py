"""Decode containers in formats without a magic, in which nearly any few bytes are valid as a number or a word."""

from __future__ import annotations

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.npy_bytes import MAGIC as NPY
from datacheck.decoders.pictures.picture import sniff
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.paths import ROOT
from datacheck.decoders.trees.reading import read_tree
from datacheck.decoders.trees.tree import Items, Keyed, Node
from datacheck.model.finding import found
from datacheck.model.profile import FamilyProfile


class ContainerDecoder(TreeDecoder):
    """Decodes records that are containers; a bare value in a family of containers is a finding."""

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one record."""
        picture = ".npy bytes" if bytes(value[:6]) == NPY else sniff(value)
        if picture is not None:
            return Reading(findings=[found("undecodable", f"not {self.name}: it begins as {picture} does")])
        parsed = self.parse(value)
        given_up = parsed.tree is None and any(finding.verdict == "unverifiable" for finding in parsed.findings)
        if given_up or any(finding.verdict == "bad" for finding in parsed.findings):
            return Reading(findings=parsed.findings)
        if profile is not None and profile.fields and ROOT not in profile.fields and _is_bare(parsed.tree):
            difference = "a bare value, where the others are containers"
            return Reading(findings=[found("undecodable", f"not {self.name} as the others are: {difference}")])
        return read_tree(parsed, profile, pixels=pixels)


def _is_bare(tree: Node) -> bool:
    return not isinstance(tree, Items | Keyed) and getattr(tree, "ndim", 0) == 0
