"""Decode the files of torch.save: zip archives with a pickle, whose tensors refer to storages, and those storages.

Source: torch/serialization.py, `_save`. The pickle is walked, never loaded; the CRC-32 of each member is verified.
"""

from __future__ import annotations

from datacheck.decoders.archives.zip_members import BrokenZip, Member, Value, first_name, is_zip, members, open_zip
from datacheck.decoders.pickles.decoder import walked
from datacheck.decoders.pickles.machine import Machine
from datacheck.decoders.pickles.torch_stream import storage_of
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.storages import Storage
from datacheck.decoders.trees.tree import Node, Opaque, Parsed
from datacheck.model.finding import Finding, found

PICKLE = "/data.pkl"
STORAGE = "/data/"
BYTE_ORDER = "/byteorder"


class TorchDecoder(TreeDecoder):
    """Decodes torch.save archives into a field for each tensor, number and text in them."""

    name = "torch"

    def knows(self, value: Value) -> bool:
        return is_zip(value) and first_name(value).endswith(PICKLE)

    def parse(self, value: Value) -> Parsed:
        """Return the tree of the archive's pickle; its tensors are views of the storages."""
        try:
            archive = open_zip(value)
        except BrokenZip as broken:
            return Parsed(None, [broken.finding])
        findings: list[Finding] = [*archive.findings]
        held: dict[str, Member] = {}
        for member in members(value, archive):
            held.setdefault(member.name, member)
            if member.finding is not None:
                findings.append(member.finding)
        root = next((name.removesuffix(PICKLE) for name in held if name.endswith(PICKLE)), None)
        if root is None:
            return Parsed(None, [*findings, found("undecodable", "the archive holds no data.pkl: torch wrote none")])
        pickled = held[root + PICKLE]
        if pickled.finding is not None:
            return Parsed(None, findings)
        storages = _Storages(root, held)
        parsed = walked(Machine(pickled.data, persistent=storages.of))
        return Parsed(parsed.tree, [*findings, *storages.findings, *parsed.findings], parsed.classes)


class _Storages:
    """The storages of an archive, by the ids that its pickle uses."""

    def __init__(self, root: str, held: dict[str, Member]) -> None:
        self._root, self._held = root, held
        self._made: dict[str, Storage] = {}
        order = held.get(root + BYTE_ORDER)
        self._big = order is not None and bytes(order.data[:8]).strip() == b"big"
        self.findings: list[Finding] = []

    def of(self, identity: Node) -> Node:
        """Return the storage with this persistent id."""
        made = storage_of(identity)
        if made is None:
            return Opaque("a persistent id")
        key, storage = made
        if key not in self._made:
            name = f"{self._root}{STORAGE}{key}"
            member = self._held.get(name)
            if member is None and not self.findings:
                said = f'the archive has no member "{name[:80]}", which its pickle names'
                self.findings.append(found("truncated", said))
            storage.raw = member.data if member is not None and member.finding is None else None
            storage.big_endian = self._big
            self._made[key] = storage
        return self._made[key]
