"""Build small LMDB environments of every kind and damage their files, for tests of recovery."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from pathlib import Path

import lmdb
from building import datum, key, pixels, raw_records, write_lmdb

from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.skeleton import skeleton

PAGE = 4096
BRANCH, LEAF, OVERFLOW = 1, 2, 4


def churned(path: Path, **options: object) -> Path:
    """Write an environment in several commits, some of which delete and replace records, so that it has free pages."""
    records = raw_records(400, (1, 16, 16))
    version = {"lib_version": options.pop("lib_version")} if "lib_version" in options else {}
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=8, sync=False, **version) as environment:
        database = environment.open_db(options.pop("name", None), **options)
        for start in range(0, 400, 100):
            with environment.begin(write=True, db=database) as transaction:
                for number in range(start, start + 100):
                    transaction.put(key(number), records[key(number)])
        with environment.begin(write=True, db=database) as transaction:
            for number in range(0, 400, 7):
                transaction.delete(key(number))
            for number in range(3, 400, 31):
                transaction.put(key(number), datum(pixels(number, (3, 40, 40)), number % 10))
        with environment.begin(write=True, db=database) as transaction:
            for number in range(1, 400, 50):
                transaction.put(key(number), datum(pixels(number + 1000, (1, 16, 16)), 3))
    return path


def duplicates(path: Path, **options: object) -> Path:
    """Write an environment with several values per key; one key has so many values that they form a subtree."""
    fixed = [struct.pack("=Q", number) for number in range(3000)]
    pairs = [(b"few%d" % (number // 5), fixed[number]) for number in range(40)]
    pairs += [(b"many", value) for value in fixed]
    pairs += [(b"one%d" % number, fixed[number]) for number in range(5)]
    return write_lmdb(path, pairs, dupsort=True, **options)


def named(path: Path, **options: object) -> Path:
    """Write an environment with two named databases, and a record beside them in the main database."""
    version = {"lib_version": options["lib_version"]} if "lib_version" in options else {}
    write_lmdb(path, raw_records(60, (3, 40, 40)), name=b"train", **version)
    write_lmdb(path, raw_records(90), name=b"test", **version)
    return write_lmdb(path, {b"about": datum(pixels(1), 1)}, **version)


STORES: dict[str, Callable[[Path], Path]] = {
    "small": lambda path: write_lmdb(path, raw_records(500, (1, 16, 16))),
    "large": lambda path: write_lmdb(path, raw_records(60, (3, 60, 60))),
    "churned": churned,
    "version 3": lambda path: churned(path, lib_version=1),
    "named": named,
    "named, version 3": lambda path: named(path, lib_version=1),
    "duplicates": lambda path: duplicates(path, name=b"dups"),
    "fixed duplicates": lambda path: duplicates(path, name=b"dups", dupfixed=True),
    "duplicates, version 3": lambda path: duplicates(path, name=b"dups", dupfixed=True, integerdup=True, lib_version=1),
    "integer keys": lambda path: write_lmdb(
        path, {struct.pack("=Q", number): b"v" * 90 for number in range(900)}, name=b"db", integerkey=True
    ),
    "reverse keys": lambda path: write_lmdb(
        path, {b"%04d" % number: b"v" * 90 for number in range(900)}, name=b"db", reverse_key=True
    ),
}


class File:
    """The bytes of a data file, page by page."""

    def __init__(self, path: Path) -> None:
        self.path = path / "data.mdb"
        self.raw = bytearray(self.path.read_bytes())
        self.header = 16 if self.raw[16:20] == struct.pack("=I", 0xBEEFC0DE) else 24

    def __len__(self) -> int:
        return len(self.raw) // PAGE

    def flags(self, page: int) -> int:
        return struct.unpack_from("=H", self.raw, page * PAGE + self.header - 6)[0]

    def pages(self, kind: int) -> list[int]:
        return [page for page in range(2, len(self)) if self.flags(page) == kind and self.number(page) == page]

    def number(self, page: int) -> int:
        return struct.unpack_from("=Q", self.raw, page * PAGE)[0]

    def get(self, page: int) -> bytes:
        return bytes(self.raw[page * PAGE : (page + 1) * PAGE])

    def put(self, page: int, content: bytes) -> None:
        self.raw[page * PAGE : (page + 1) * PAGE] = content

    def save(self) -> None:
        """Write the file with a modification time that differs from the previous one, however short ago that was."""
        changed = self.path.stat().st_mtime_ns
        self.path.write_bytes(self.raw)
        os.utime(self.path, ns=(changed, changed + 1_000_000))


def corrupt(raw: bytes, chance: random.Random) -> bytes:
    """Return the bytes of a file damaged in one to three random ways."""
    broken = bytearray(raw)
    for _ in range(chance.randint(1, 3)):
        pages = max(1, len(broken) // PAGE)
        at, other = chance.randrange(pages) * PAGE, chance.randrange(pages) * PAGE
        way = chance.randrange(7)
        if way == 0:
            broken[at : at + PAGE] = bytes(len(broken[at : at + PAGE]))
        elif way == 1:
            place = chance.randrange(len(broken))
            broken[place : place + 8] = chance.randbytes(8)[: len(broken) - place]
        elif way == 2:
            place = at + chance.randrange(64)
            broken[place : place + 2] = chance.choice([b"\0\0", b"\xff\xff", chance.randbytes(2)])
        elif way == 3:
            broken[at : at + PAGE] = broken[other : other + PAGE]
        elif way == 4:
            broken[at : at + PAGE] = chance.randbytes(PAGE)
        elif way == 5:
            del broken[chance.randrange(len(broken) // 2, len(broken)) + 1 :]
        else:
            place = at + PAGE - 1 - chance.randrange(400)
            if place < len(broken):
                broken[place] ^= 1 << chance.randrange(8)
        if not broken:
            broken = bytearray(PAGE)
    return bytes(broken)


Record = tuple[str, bytes, bytes]


def places(path: Path) -> dict[Record, set[int]]:
    """Return the pages of each record of a sound environment without DUPSORT: its leaf and its overflow pages."""
    found: dict[Record, set[int]] = {}
    with Pages(path / "data.mdb") as pages:
        for part, tree in skeleton(path / "data.mdb").trees.items():
            for node, page in pages.leaf_nodes(tree.record):
                if node.flags & 2:
                    continue
                held = {int.from_bytes(page[:8], "little")}
                value = page[node.offset : node.offset + node.size]
                if node.flags & 1:
                    first = int.from_bytes(page[node.offset : node.offset + 8], "little")
                    held |= set(range(first, first + (pages.header - 1 + node.size) // PAGE + 1))
                    start = first * PAGE + pages.header
                    value = (path / "data.mdb").read_bytes()[start : start + node.size]
                found[part, node.key, value] = held
    return found
