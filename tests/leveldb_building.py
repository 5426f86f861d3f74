"""Build LevelDB stores byte by byte, so that the reader is also tested without the library."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cramjam
import google_crc32c
from building import key

from datacheck.backends.leveldb.block import masked
from datacheck.backends.leveldb.reader import LevelDbReader
from datacheck.model.finding import Finding

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
BYTEWISE = b"leveldb.BytewiseComparator"
PACK = {0: bytes, 1: lambda it: bytes(cramjam.snappy.compress_raw(it)), 2: lambda it: bytes(cramjam.zstd.compress(it))}


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def text(data: bytes) -> bytes:
    return varint(len(data)) + data


def internal(key: bytes, sequence: int = 1, kind: int = 1) -> bytes:
    return key + struct.pack("<Q", sequence << 8 | kind)


def write_log(records: Iterable[bytes]) -> bytes:
    """Return the bytes of a log that holds these records."""
    log = bytearray()
    for record in records:
        rest, first = record, True
        while first or rest:
            room = (1 << 15) - len(log) % (1 << 15)
            if room < 7:
                log += bytes(room)
                room = 1 << 15
            piece, rest = rest[: room - 7], rest[room - 7 :]
            kind = (2 if first else 3) if rest else (1 if first else 4)
            crc = masked(google_crc32c.value(bytes([kind]) + piece))
            log += struct.pack("<IHB", crc, len(piece), kind) + piece
            first = False
    return bytes(log)


def block(pairs: Iterable[tuple[bytes, bytes]], interval: int = 16) -> bytes:
    out, restarts, before = bytearray(), [], b""
    for number, (at, value) in enumerate(pairs):
        shared = 0
        if number % interval == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(at), len(before)) and at[shared] == before[shared]:
                shared += 1
        out += varint(shared) + varint(len(at) - shared) + varint(len(value)) + at[shared:] + value
        before = at
    restarts = restarts or [0]
    return bytes(out) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def sealed(content: bytes, kind: int = 0, packed: bytes | None = None) -> bytes:
    """Return a block as stored in a table: compressed, followed by its type and checksum."""
    body = (PACK[kind](content) if packed is None else packed) + bytes([kind])
    return body + struct.pack("<I", masked(google_crc32c.value(body)))


Entry = tuple[bytes, bytes]


def table(blocks: Sequence[Sequence[Entry]], kind: int = 0, raw: Mapping[int, bytes] | None = None) -> bytes:
    """Return a table of blocks of internal keys and values; `raw` replaces sealed blocks, by number."""
    out, index = bytearray(), []
    for number, pairs in enumerate(blocks):
        body = (raw or {}).get(number) or sealed(block(pairs), kind)
        index.append((pairs[-1][0], varint(len(out)) + varint(len(body) - 5)))
        out += body
    meta = varint(len(out)), sealed(block([]))
    out += meta[1]
    body = sealed(block(index, 1))
    handles = meta[0] + varint(len(meta[1]) - 5) + varint(len(out)) + varint(len(body) - 5)
    return bytes(out) + body + handles.ljust(40, b"\0") + MAGIC


def batch(sequence: int, writes: Iterable[tuple[bytes, bytes | None]]) -> bytes:
    """Return a write batch; a value of None deletes the key."""
    parts = [b"\0" + text(key) if value is None else b"\1" + text(key) + text(value) for key, value in writes]
    return struct.pack("<QI", sequence, len(parts)) + b"".join(parts)


def edit(
    tables: Mapping[int, tuple[int, bytes, bytes, int]] | None = None,
    log: int | None = None,
    comparator: bytes | None = BYTEWISE,
    deleted: Iterable[tuple[int, int]] = (),
) -> bytes:
    """Return a VersionEdit; `tables` maps file numbers to size, smallest and largest internal key, and level."""
    out = b"" if comparator is None else b"\1" + text(comparator)
    out += b"" if log is None else b"\2" + varint(log) + b"\x09\0"
    out += b"\3" + varint(99) + b"\4" + varint(1 << 20)
    out += b"".join(b"\6" + varint(level) + varint(number) for level, number in deleted)
    for number, (size, smallest, largest, level) in (tables or {}).items():
        out += b"\7" + varint(level) + varint(number) + varint(size) + text(smallest) + text(largest)
    return out


def write_store(
    path: Path,
    tables: Mapping[int, tuple[int, Sequence[Sequence[Entry]]]] | None = None,
    logs: Mapping[int, Sequence[bytes]] | None = None,
    kind: int = 0,
    raw: Mapping[int, Mapping[int, bytes]] | None = None,
    comparator: bytes = BYTEWISE,
) -> Path:
    """Write a store of tables (level and blocks by number) and logs (batches by number)."""
    path.mkdir()
    named = {}
    for number, (level, blocks) in (tables or {}).items():
        data = table(blocks, kind, (raw or {}).get(number))
        (path / f"{number:06d}.ldb").write_bytes(data)
        named[number] = (len(data), blocks[0][0][0], blocks[-1][-1][0], level)
    for number, batches in (logs or {3: []}).items():
        (path / f"{number:06d}.log").write_bytes(write_log(batches))
    edits = [edit(None, min(logs or {3: []}), comparator), edit(named, None, None)]
    (path / "MANIFEST-000002").write_bytes(write_log(edits))
    (path / "CURRENT").write_bytes(b"MANIFEST-000002\n")
    return path


def write_log_store(path: Path, records: Iterable[Entry]) -> Path:
    """Write a store with all records in its log, each in its own batch."""
    return write_store(path, logs={3: [batch(number, [pair]) for number, pair in enumerate(records, 1)]})


def flip(path: Path, offset: int, bit: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= bit
    path.write_bytes(data)


def scanned(path: Path) -> tuple[list[Finding], list[Finding], dict[bytes, bytes]]:
    """Return the layout's findings, those of the blocks, and the records."""
    reader = LevelDbReader(path)
    layout = reader.layout()
    found, pairs = [], {}
    for shard in layout.shards:
        for it in reader.blocks(shard):
            found += [it.place(row, finding, None) for row, finding in it.findings]
            for at, value in zip(it.keys, it.values, strict=True):
                assert at not in pairs
                pairs[at] = bytes(value)
    assert list(pairs) == sorted(pairs)
    return list(layout.findings), found, pairs


def run(first: int, last: int, sequence: int = 1) -> list[Entry]:
    return [(internal(key(number), sequence), b"v%d" % number) for number in range(first, last)]


def pairs(*ranges: tuple[int, int]) -> dict[bytes, bytes]:
    return {key(number): b"v%d" % number for first, last in ranges for number in range(first, last)}


BLOCKS = [run(0, 10), run(10, 20), run(20, 30)]


LOGGED = {key(90 + n): b"x" if n % 2 else b"w" * 50 for n in range(10)}
SOUND = pairs((0, 30), (50, 80)) | LOGGED


def write_two_tables(path: Path) -> Path:
    """Write a store of two tables with three blocks each, and a log of five batches with two writes each."""
    later = [run(number, number + 10) for number in (50, 60, 70)]
    writes = [batch(100 + 2 * n, [(key(90 + 2 * n), b"w" * 50), (key(91 + 2 * n), b"x")]) for n in range(5)]
    return write_store(path, {5: (1, BLOCKS), 7: (1, later)}, {8: writes})


def noted_reads(monkeypatch) -> list[int]:
    """Return a list that receives the number of bytes that each call of `os.preadv` asks for."""
    sizes: list[int] = []
    given = os.preadv

    def preadv(file, buffers, offset):
        sizes.append(sum(map(len, buffers)))
        return given(file, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    return sizes
