"""Write random LevelDB stores with the library, and compare what datacheck and the library read in them."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import datacheck
from datacheck.backends import open_store
from datacheck.model.blocks import Block

Records = dict[bytes, bytes]
STRUCTURAL = frozenset(
    {
        *("truncated-store", "damaged-store", "checksum", "unreadable", "crash", "timeout", "too-large"),
        *("stale", "orphan", "unsupported", "not-closed", "source-changed", "internal-error"),
    }
)
"""Codes that a sound store must not get. Codes for undecodable or empty values are allowed: the values are random."""
LEAST_BLOCK, LARGEST_BLOCK = 1 << 10, 4 << 20
"""The bounds, in bytes, that LevelDB limits block sizes to."""


def opened(path: str, **options: Any) -> Any:
    """Open a store with the library, which is imported here because the newest Python has none."""
    import plyvel

    return plyvel.DB(path, **options)


def options(chance: random.Random) -> dict[str, Any]:
    """Return random options for opening a store."""
    return {
        "compression": chance.choice(["snappy", None]),
        "block_size": chance.choice([None, LEAST_BLOCK, 1 << 12, 1 << 16, 1 << 18, LARGEST_BLOCK]),
        "block_restart_interval": chance.choice([None, 1, 2, 16, 128]),
        "write_buffer_size": chance.choice([1 << 16, 1 << 18, 1 << 20, None]),
        "max_file_size": chance.choice([None, 1 << 20, 8 << 20]),
        "bloom_filter_bits": chance.choice([0, 1, 10, 40]),
        "max_open_files": chance.choice([None, 20]),
    }


def keys(chance: random.Random) -> list[bytes]:
    """Return the keys of one store: numbers, random bytes, long common prefixes, and edge cases."""
    count = chance.choice([1, 20, 400, 2000])
    kind = chance.choice(["numbers", "bytes", "long", "mixed"])
    made = [b"%08d" % chance.randrange(3 * count) for _ in range(count)] if kind in ("numbers", "mixed") else []
    if kind in ("bytes", "mixed"):
        made += [chance.randbytes(chance.randrange(1, 60)) for _ in range(count)]
    if kind in ("long", "mixed"):
        made += [b"images/" * chance.choice([1, 30, 300]) + b"%06d.png" % n for n in range(min(count, 300))]
    return [*made, *chance.sample([b"", b"\0", b"\0\0", b"\xff", b"\xff" * 9, b"a", b"a\0", b"\n", bytes(8)], 4)]


def value(chance: random.Random) -> bytes:
    """Return a value of random size: empty, small, larger than a block, or larger than a log block."""
    size = chance.choice([0, 1, 8, 100, 100, 1000, 1000, 5000])
    if chance.random() < 0.01:
        size = chance.choice([32_761, 32_768, 70_000, 300_000])
    half = chance.choice([0, size // 2, size])
    return chance.randbytes(half) + bytes([chance.randrange(256)]) * (size - half)


def write(path: Path, seed: int) -> Records:
    """Write the store of a seed to `path`; return its records."""
    chance = random.Random(seed)
    truth: Records = {}
    names = keys(chance)
    for session in range(chance.choice([1, 2, 4])):
        with opened(str(path), create_if_missing=not session, **options(chance)) as db:
            snapshots = []
            for _ in range(chance.choice([0, 1, 30, 200])):
                _write_batch(db, chance, names, truth)
                if chance.random() < 0.05:
                    snapshots.append(db.snapshot())  # compactions keep what it sees
                if chance.random() < 0.02:
                    snapshots.clear()
                if chance.random() < 0.02:
                    low, high = sorted((chance.choice(names), chance.choice(names)))
                    db.compact_range(start=low, stop=high)
            if chance.random() < 0.3:
                db.compact_range()
            snapshots.clear()
    return truth


def _write_batch(db: Any, chance: random.Random, names: list[bytes], truth: Records) -> None:
    if chance.random() < 0.5:
        key = chance.choice(names)
        truth[key] = value(chance)
        db.put(key, truth[key])
        return
    with db.write_batch() as batch:
        for _ in range(chance.choice([1, 5, 50])):
            key = chance.choice(names)
            if chance.random() < 0.3:
                batch.delete(key)
                truth.pop(key, None)
            else:
                truth[key] = value(chance)
                batch.put(key, truth[key])


def library(path: Path, work: Path) -> Records:
    """Return the records that the library reads, from a copy because opening a store writes to it."""
    copy = work / "opened"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(path, copy)
    with opened(str(copy), paranoid_checks=True) as db:
        return dict(db.iterator(verify_checksums=True))


def ours(path: Path) -> list[tuple[bytes, bytes]]:
    """Return the records that datacheck reads, in its order."""
    reader = open_store(path)
    found = []
    for shard in reader.layout().shards:
        for block in reader.blocks(shard):
            assert isinstance(block, Block)
            found += [(key, bytes(it)) for key, it in zip(block.keys, block.values, strict=True)]
    return found


def differences(work: Path, seed: int) -> list[str]:
    """Return how datacheck and the library differ on the store of a seed; `work` is an empty folder."""
    return compared(work, write(work / "store", seed))


def compared(work: Path, truth: Records) -> list[str]:
    """Return how reading, scanning and copying the store in `work` differ from the records written to it."""
    path, copy = work / "store", work / "copy"
    said = []
    if library(path, work) != truth:
        said.append("the library does not read what was written")
    if ours(path) != sorted(truth.items()):
        said.append("the records differ")
    report = datacheck.scan(path, workers=1)
    faults = [f"{it.code}: {it.message}" for it in report.findings if it.code in STRUCTURAL]
    said += faults[:3]
    if report.checked != len(truth) or not report.complete:
        said.append(f"{report.checked} of {len(truth)} records were checked")
    if not truth:
        return said  # there is nothing to copy
    receipt = datacheck.rebuild(path, copy, keep=("empty",), workers=1)
    if not receipt.written or receipt.kept != len(truth):
        said.append(f"{receipt.kept} of {len(truth)} records were kept")
    elif library(copy, work) != truth:
        said.append("the copy differs")
    return said
