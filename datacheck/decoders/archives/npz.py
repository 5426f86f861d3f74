"""NumPy's .npz: a zip archive of .npy members."""

from __future__ import annotations

from datacheck.decoders.archives.zip_members import BrokenZip, Value, first_name, is_zip, members, open_zip
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.tree import Keyed, Node, Parsed
from datacheck.model.finding import Finding

SUFFIX = ".npy"
FLAG = "allow_pickle"
"""Older NumPy stored its own option among the arrays, where it was passed to `savez`: one truth value, no data."""
HEADER = 128


class NpzDecoder(TreeDecoder):
    """Decodes .npz archives into a field for each array, named as its member is."""

    name = "npz"

    def knows(self, value: Value) -> bool:
        return is_zip(value) and first_name(value).endswith(SUFFIX)

    def parse(self, value: Value) -> Parsed:
        """Return the members of an archive by their names; what is in them is read as .npy bytes by the walk."""
        try:
            archive = open_zip(value)
        except BrokenZip as broken:
            return Parsed(None, [broken.finding])
        findings: list[Finding] = [*archive.findings]
        pairs: list[tuple[Node, Node]] = []
        for member in members(value, archive):
            name = member.name.removesuffix(SUFFIX)
            if member.finding is not None:
                findings.append(member.finding)
            elif name != FLAG or not _is_flag(bytes(member.data[:HEADER])):
                pairs.append((name, member.data))
        return Parsed(Keyed(pairs), findings)


def _is_flag(header: bytes) -> bool:
    return b"'descr': '|b1'" in header and b"'shape': ()" in header
