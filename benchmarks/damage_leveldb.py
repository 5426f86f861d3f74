"""Measure what datacheck finds and recovers in damaged LevelDB stores, compared with plyvel's `repair_db`.

Each store has records in three places: a sorted base, a newer table that overwrites and deletes some of them, and a
log. `intact` is the number of records whose newest write the damage does not touch. Needs plyvel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import plyvel
from damage_row import Row

import datacheck
from datacheck.backends import open_store
from datacheck.backends.leveldb.recovery import live_version
from datacheck.backends.leveldb.table_files import open_table
from datacheck.decoders.datum.message import encode
from datacheck.model.blocks import Block
from datacheck.model.escaping import escape

RIVAL_SECONDS = 120
REPAIR = """
import sys, plyvel
plyvel.repair_db(sys.argv[1])
with plyvel.DB(sys.argv[1]) as db:
    for key, value in db:
        sys.stdout.buffer.write(len(key).to_bytes(4, "big") + key + len(value).to_bytes(4, "big") + value)
"""
LOG_BLOCK = 32 << 10
Records = dict[bytes, bytes]


@dataclass
class Made:
    """A store with the records that it should have, by the place of their newest write, and the deleted keys."""

    path: Path
    base: Records = field(default_factory=dict)
    newer: Records = field(default_factory=dict)
    logged: Records = field(default_factory=dict)
    deleted: set[bytes] = field(default_factory=set)
    tables: dict[str, list[str]] = field(default_factory=dict)

    @property
    def truth(self) -> Records:
        return self.base | self.newer | self.logged


def make(path: Path, count: int, *, log_deletes: bool = True) -> Made:
    """Write a store of `count` records in its base, a tenth overwritten, a tenth deleted, and more in the log.

    If the whole log is lost, nothing tells what it deleted. Without `log_deletes` the log of the store deletes nothing.
    """
    made, random = Made(path), np.random.default_rng(count)

    def value(label: int) -> bytes:
        return encode(random.integers(0, 256, (1, 8, 8), dtype=np.uint8), label % 10)

    def opened() -> plyvel.DB:
        return plyvel.DB(str(path), create_if_missing=True, write_buffer_size=64 << 20)

    def tables() -> set[str]:
        return {it.name for it in path.iterdir() if it.suffix == ".ldb"}

    keys = [b"%08d" % number for number in range(count)]
    made.base = {key: value(number) for number, key in enumerate(keys)}
    with opened() as db:
        for key, it in made.base.items():
            db.put(key, it)
        db.compact_range(start=b"\0", stop=b"\xff")
    before = tables()
    made.newer = {key: value(1) for key in keys[5::10]}
    made.deleted = set(keys[7::10])
    with opened() as db:
        for key, it in made.newer.items():
            db.put(key, it)
        for key in made.deleted:
            db.delete(key)
    changed = {key: value(2) for key in keys[3::50]}
    gone = set(keys[4::50]) if log_deletes else set()
    made.logged = changed | {b"9%08d" % number: value(3) for number in range(1500)}
    with opened() as db:
        with db.write_batch() as batch:
            for key in gone:
                batch.delete(key)
        for key, it in made.logged.items():
            db.put(key, it)
    made.tables = {"base": sorted(before), "newer": sorted(tables() - before)}
    made.deleted |= gone
    made.newer = {key: it for key, it in made.newer.items() if key not in made.logged and key not in made.deleted}
    made.base = {
        key: it for key, it in made.base.items() if not {key} & (made.deleted | made.newer.keys() | made.logged.keys())
    }
    return made


def replaced(made: Made, path: Path) -> Made:
    """Return the same store after a full compaction, but with the tables of the replaced base, as after a crash."""
    shutil.copytree(made.path, path)
    with plyvel.DB(str(path)) as db:
        db.compact_range(start=b"\0", stop=b"\xff")
    for name in made.tables["base"]:
        shutil.copy(made.path / name, path)
    tables = {"base": sorted(it.name for it in path.iterdir() if it.suffix == ".ldb")}
    return Made(path, made.base, made.newer, made.logged, made.deleted, tables)


# Damages: each changes the files at `path` and returns the keys of the records that it costs


def in_block(made: Made, name: str, number: int) -> tuple[int, int, set[bytes]]:
    """Return the offset and size of a block of a table, and the keys in it."""
    version = live_version(made.path)
    (file,) = (it for it in version.tables.values() if it.number == int(name.split(".")[0]))
    table = open_table(made.path, file)
    descriptor = os.open(made.path / name, os.O_RDONLY)
    keys, _, _ = table.read(descriptor, number)
    os.close(descriptor)
    return table.offsets[number], table.sizes[number], set(keys)


def write(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset, 2 if offset < 0 else 0)
        file.write(data)


def flip(path: Path, offset: int) -> None:
    with path.open("rb") as file:
        file.seek(offset, 2 if offset < 0 else 0)
        byte = file.read(1)[0]
    write(path, offset, bytes([byte ^ 4]))


def flipped_block(made: Made, path: Path) -> set[bytes]:
    name = made.tables["base"][0]
    offset, _, keys = in_block(made, name, 3)
    flip(path / name, offset + 50)
    return keys & made.base.keys()


def zeroed_blocks(made: Made, path: Path) -> set[bytes]:
    name = made.tables["base"][0]
    lost: set[bytes] = set()
    for number in range(2, 6):
        offset, size, keys = in_block(made, name, number)
        write(path / name, offset, bytes(size + 5))
        lost |= keys
    return lost & made.base.keys()


def flipped_newer(made: Made, path: Path) -> set[bytes]:
    name = made.tables["newer"][0]
    offset, _, keys = in_block(made, name, 1)
    flip(path / name, offset + 50)
    return keys & made.newer.keys()


def broken_index(made: Made, path: Path) -> set[bytes]:
    flip(path / made.tables["base"][0], -60)
    return set()


def broken_footers(made: Made, path: Path) -> set[bytes]:
    for name in made.tables["base"] + made.tables["newer"]:
        write(path / name, -48, b"\xff" * 48)
    return set()


def index_and_block(made: Made, path: Path) -> set[bytes]:
    broken_index(made, path)
    return flipped_block(made, path)


def cut_table(made: Made, path: Path) -> set[bytes]:
    name = made.tables["base"][-1]
    size = (path / name).stat().st_size // 2
    os.truncate(path / name, size)
    lost: set[bytes] = set()
    number = 0
    while True:
        try:
            offset, length, keys = in_block(made, name, number)
        except IndexError:
            return lost & made.base.keys()
        if offset + length + 5 > size:
            lost |= keys
        number += 1


def all_of(made: Made, name: str) -> set[bytes]:
    keys: set[bytes] = set()
    number = 0
    while True:
        try:
            keys |= in_block(made, name, number)[2]
        except IndexError:
            return keys
        number += 1


def missing_base(made: Made, path: Path) -> set[bytes]:
    name = made.tables["base"][0]
    (path / name).unlink()
    return all_of(made, name) & made.base.keys()


def missing_newer(made: Made, path: Path) -> set[bytes]:
    for name in made.tables["newer"]:
        (path / name).unlink()
    return set(made.newer)


def missing_current(made: Made, path: Path) -> set[bytes]:
    (path / "CURRENT").unlink()
    return set()


def missing_manifest(made: Made, path: Path) -> set[bytes]:
    for manifest in path.glob("MANIFEST-*"):
        manifest.unlink()
    return set()


def missing_both(made: Made, path: Path) -> set[bytes]:
    return missing_current(made, path) | missing_manifest(made, path)


def missing_all(made: Made, path: Path) -> set[bytes]:
    return broken_footers(made, path) | missing_both(made, path)


def flipped_manifest(made: Made, path: Path) -> set[bytes]:
    (manifest,) = path.glob("MANIFEST-*")
    flip(manifest, manifest.stat().st_size // 2)
    return set()


def manifest_and_index(made: Made, path: Path) -> set[bytes]:
    return missing_manifest(made, path) | broken_index(made, path)


def in_log(made: Made, path: Path) -> tuple[Path, bytes]:
    (log,) = path.glob("*.log")
    return log, log.read_bytes()


def flipped_log(made: Made, path: Path) -> set[bytes]:
    log, data = in_log(made, path)
    key = b"9%08d" % 700
    flip(log, data.index(key) + 20)
    return {key}


def cut_log(made: Made, path: Path) -> set[bytes]:
    log, data = in_log(made, path)
    os.truncate(log, data.index(b"9%08d" % 1200))
    return {b"9%08d" % number for number in range(1200, 1500)}


def zeroed_log(made: Made, path: Path) -> set[bytes]:
    log, data = in_log(made, path)
    log.write_bytes(bytes(len(data)))
    return set(made.logged)


def hole_in_log(made: Made, path: Path) -> set[bytes]:
    log, data = in_log(made, path)
    begin = -(-data.index(b"9%08d" % 10) // LOG_BLOCK) * LOG_BLOCK
    lost: set[bytes] = set()
    before = 0
    for number in range(1500):
        key = b"9%08d" % number
        at = data.find(key)  # not found if a block of the log ends within the key
        before = begins = before + 1 if at < 0 else at
        end = data.find(made.logged[key][-20:], begins)  # nor if one ends within these bytes
        crosses = begins < begin and (end >= begin - 19 or (end < 0 and begins > begin - 200))
        if crosses or begin <= begins < begin + LOG_BLOCK:
            lost.add(key)
    write(log, begin, bytes(LOG_BLOCK))
    return lost


DAMAGES: dict[str, Callable[[Made, Path], set[bytes]]] = {
    "a bit flipped in a block": flipped_block,
    "a bit flipped in a block of the newer table": flipped_newer,
    "four blocks zeroed": zeroed_blocks,
    "a bit flipped in a table's index": broken_index,
    "every footer overwritten": broken_footers,
    "a bit flipped in the index and in a block": index_and_block,
    "a table cut to half": cut_table,
    "a table missing": missing_base,
    "the newer table missing": missing_newer,
    "CURRENT missing": missing_current,
    "MANIFEST missing": missing_manifest,
    "CURRENT and MANIFEST missing": missing_both,
    "CURRENT, MANIFEST and every footer lost": missing_all,
    "a bit flipped in the MANIFEST": flipped_manifest,
    "MANIFEST missing, a bit flipped in an index": manifest_and_index,
    "a bit flipped in the log": flipped_log,
    "the log cut": cut_log,
    "32 KiB of the log zeroed": hole_in_log,
    "the log nothing but zeros": zeroed_log,
    "MANIFEST missing, a replaced table left over": missing_both,
}


def rows(sizes: tuple[int, ...] = (2_000, 50_000)) -> Iterator[Row]:
    """Yield a row for each damage to each size of store."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for count in sizes:
            plain = make(home / f"sound-{count}", count)
            left_over = replaced(plain, home / f"replaced-{count}")
            kept = make(home / f"kept-{count}", count, log_deletes=False)
            for name, hurt in DAMAGES.items():
                made = left_over if "left over" in name else kept if hurt is zeroed_log else plain
                yield _row(home / "work", made, count, name, hurt)


def _row(work: Path, made: Made, count: int, name: str, hurt: Callable[[Made, Path], set[bytes]]) -> Row:
    damaged, copy, repaired = work / "damaged", work / "copy", work / "repaired"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(made.path, damaged)
    lost = hurt(made, damaged)
    shutil.copytree(damaged, repaired)
    report = datacheck.scan(damaged)
    own = [it for it in report.findings if it.key is None and it.code in STORE_CODES]
    marked = {it.key for it in report.findings if it.key is not None and it.code in ("stale", "orphan")}
    receipt = datacheck.rebuild(damaged, copy, drop_bad=True)
    kept = _records(copy) if receipt.written else {}
    intact = {key: value for key, value in made.truth.items() if key not in lost}
    named = f"{own[0].message}" if own else ""
    if len(own) > 1:
        named += f" (and {len(own) - 1} more)"
    if marked:
        named += f"; {len(marked):,} older records marked"
    return Row(
        "LevelDB",
        name,
        f"{count:,}",
        bool(own),
        named,
        len(intact),
        sum(kept.get(key) == value for key, value in intact.items()),
        _rival(repaired, made, intact),
        sum(key in kept and escape(key) not in marked for key in made.deleted),
    )


STORE_CODES = frozenset({"truncated-store", "damaged-store", "checksum", "unreadable"})


def _records(path: Path) -> Records:
    """Return all records of a store."""
    reader = open_store(path)
    found: Records = {}
    for shard in reader.layout().shards:
        for block in reader.blocks(shard):
            assert isinstance(block, Block)
            found |= {key: bytes(value) for key, value in zip(block.keys, block.values, strict=True)}
    return found


def _rival(path: Path, made: Made, intact: Records) -> str:
    """Return what `repair_db` recovers and what reading the repaired store gives, in a separate process."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", REPAIR, str(path)], capture_output=True, timeout=RIVAL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "does not end"
    data, at, kept = done.stdout, 0, {}
    while at + 4 <= len(data):
        parts = []
        for _ in range(2):
            size = int.from_bytes(data[at : at + 4], "big")
            parts.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        kept[parts[0]] = parts[1]
    words = f"{sum(kept.get(key) == value for key, value in intact.items()):,} recovered"
    back = len(made.deleted & kept.keys())
    words += f", {back:,} deleted came back" if back else ""
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"status {done.returncode}"]
        words += f", then {last[0].replace(str(path), 'the store')[:80]}"
    return words
