"""Read torch's older format, which holds the storage of a tensor in a plain pickle: five pickles, then the values.

Source: torch/serialization.py, `_legacy_save`: a magic number, the protocol, the sizes of types and the byte order, the
saved object with ids for its storages, the keys of the storages; then for each a u64 count of elements, and their
bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from datacheck.decoders.pickles.parts import Broken, Global
from datacheck.decoders.trees.storages import DTYPES, STORAGES, Storage
from datacheck.decoders.trees.tree import Bytes, Flawed, Items, Keyed, Node, Opaque

MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
"""The pickled magic number with which every such stream begins."""
Walk = Callable[[Bytes, int, Callable[[Node], Node]], tuple[Node, int]]


def storage_of(identity: Node) -> tuple[str, Storage] | None:
    """Return the key and the storage, without bytes, of a persistent id ('storage', class, key, place, count, ...)."""
    if not isinstance(identity, Items) or len(identity.items) < 5 or identity.items[0] not in ("storage", b"storage"):
        return None
    storage_class, key = identity.items[1], identity.items[2]
    if isinstance(key, (bytes, memoryview)):
        key = bytes(key[:64]).decode("latin-1")
    if not isinstance(storage_class, Global) or not isinstance(key, str):
        return None
    return key, Storage("torch.storage", STORAGES.get(storage_class.name.rpartition(".")[2], "unknown"))


def read(raw: Bytes, walk: Walk) -> Node:
    """Return the tree of a stream, with its tensors as arrays; raises Broken."""
    if raw[: len(MAGIC)] != MAGIC:
        return Opaque("torch.storage")
    _, at = walk(raw, len(MAGIC), _no_id)
    system, at = walk(raw, at, _no_id)
    big = isinstance(system, Keyed) and ("little_endian", False) in [
        (key, value) for key, value in system.pairs if isinstance(key, str) and isinstance(value, bool)
    ]
    start = at
    storages: dict[str, Storage] = {}

    def noted(identity: Node) -> Node:
        key_and_storage = storage_of(identity)
        return Opaque("a persistent id") if key_and_storage is None else storages.setdefault(*key_and_storage)

    first, at = walk(raw, start, noted)
    keys, at = walk(raw, at, _no_id)
    if not isinstance(keys, Items):
        raise Broken("undecodable", "a torch stream without a list of its storages")
    for key in keys.items:
        name = bytes(key).decode("latin-1") if isinstance(key, (bytes, memoryview)) else key
        storage = storages.get(name) if isinstance(name, str) else None
        if storage is None or storage.dtype not in DTYPES:
            return Flawed("undecodable", "a torch stream with a storage that nothing refers to")
        if at + 8 > len(raw):
            return Flawed("truncated", f"a torch stream ends at byte {len(raw)}, before a storage")
        size = int.from_bytes(raw[at : at + 8], "little") * np.dtype(DTYPES[storage.dtype]).itemsize
        if at + 8 + size > len(raw):
            return Flawed("truncated", f"a storage of {size} bytes, {len(raw) - at - 8} are there")
        storage.raw, storage.big_endian = memoryview(raw)[at + 8 : at + 8 + size], big
        at += 8 + size
    # walk again: the tensors were made before their storages had bytes
    return first if isinstance(first, Storage) else walk(raw, start, noted)[0]


def _no_id(identity: Node) -> Node:
    return Opaque("a persistent id")
