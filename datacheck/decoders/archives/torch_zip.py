"""Decode the files of torch.save: zip archives with a pickle, whose tensors refer to storages, and those storages.

Source: torch/serialization.py, `_save`. The pickle is walked, never loaded; the CRC-32 of each member is verified.
"""

from __future__ import annotations

from datacheck.decoders.archives.zip_members import BrokenZip, Member, Value, first_name, is_zip, members, open_zip
from datacheck.decoders.pickles.decoder import parse_pickle
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
        members_by_name: dict[str, Member] = {}
        for member in members(value, archive):
            members_by_name.setdefault(member.name, member)
            if member.finding is not None:
                findings.append(member.finding)
        root = next((name.removesuffix(PICKLE) for name in members_by_name if name.endswith(PICKLE)), None)
        if root is None:
            return Parsed(None, [*findings, found("undecodable", "the archive holds no data.pkl: torch wrote none")])
        pickled = members_by_name[root + PICKLE]
        if pickled.finding is not None:
            return Parsed(None, findings)
        storages = _Storages(root, members_by_name)
        parsed = parse_pickle(Machine(pickled.data, persistent=storages.storage))
        return Parsed(parsed.tree, [*findings, *storages.findings, *parsed.findings], parsed.classes)


class _Storages:
    """The storages of an archive, by the ids that its pickle uses."""

    def __init__(self, root: str, members_by_name: dict[str, Member]) -> None:
        self._root, self._members = root, members_by_name
        self._storages: dict[str, Storage] = {}
        order = members_by_name.get(root + BYTE_ORDER)
        self._big = order is not None and bytes(order.data[:8]).strip() == b"big"
        self.findings: list[Finding] = []

    def storage(self, identity: Node) -> Node:
        """Return the storage with this persistent id."""
        key_and_storage = storage_of(identity)
        if key_and_storage is None:
            return Opaque("a persistent id")
        key, storage = key_and_storage
        if key not in self._storages:
            name = f"{self._root}{STORAGE}{key}"
            member = self._members.get(name)
            if member is None and not self.findings:
                message = f'the archive has no member "{name[:80]}", which its pickle names'
                self.findings.append(found("truncated", message))
            storage.raw = member.data if member is not None and member.finding is None else None
            storage.big_endian = self._big
            self._storages[key] = storage
        return self._storages[key]
