"""Decode NumPy's .npz: a zip archive of .npy members."""

from __future__ import annotations

import msgspec

from datacheck.decoders.archives.zip_members import BrokenZip, Value, first_name, is_zip, members, open_zip
from datacheck.decoders.npy_bytes import objects_at
from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.paths import spelled
from datacheck.decoders.trees.tree import Keyed, Node, Parsed
from datacheck.model.finding import Finding

SUFFIX = ".npy"
FLAG = "allow_pickle"
"""Name of an option that older NumPy stored as an array if it was passed to `savez`: a single boolean, not data."""
HEADER = 128


class NpzDecoder(TreeDecoder):
    """Decodes .npz archives into a field for each array, named like its member."""

    name = "npz"

    def knows(self, value: Value) -> bool:
        return is_zip(value) and first_name(value).endswith(SUFFIX)

    def parse(self, value: Value) -> Parsed:
        """Return the members by name; those without objects stay .npy bytes, which are read when the tree is walked."""
        try:
            archive = open_zip(value)
        except BrokenZip as broken:
            return Parsed(None, [broken.finding])
        findings: list[Finding] = [*archive.findings]
        classes: set[str] = set()
        pairs: list[tuple[Node, Node]] = []
        for member in members(value, archive):
            name = member.name.removesuffix(SUFFIX)
            if member.finding is not None:
                findings.append(member.finding)
            elif objects_at(member.data) is not None:
                objects = PickleDecoder().parse(member.data)
                findings += [msgspec.structs.replace(it, field=spelled(name)) for it in objects.findings]
                classes |= objects.classes
                pairs.append((name, objects.tree))
            elif name != FLAG or not _is_flag(bytes(member.data[:HEADER])):
                pairs.append((name, member.data))
        return Parsed(Keyed(pairs), findings, frozenset(classes))


def _is_flag(header: bytes) -> bool:
    return b"'descr': '|b1'" in header and b"'shape': ()" in header
