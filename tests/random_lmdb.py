"""Write random sound LMDB environments from a seed, with everything that py-lmdb can write.

Main databases with flags, and REVERSEDUP, come from writers in other languages. py-lmdb cannot set these flags but
respects them, so they are set in the file while it is empty.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import lmdb

from datacheck.backends.lmdb.reader import LmdbReader

REVERSEKEY, DUPSORT, INTEGERKEY, DUPFIXED, INTEGERDUP, REVERSEDUP = 0x02, 0x04, 0x08, 0x10, 0x20, 0x40
PAGE = 4096
SIZES = (0, 1, 7, 60, 400, 1000, 1990, 2030, 2100, 4050, 4080, 4096, 9000, 30_000, 70_000)
KINDS = (
    0,
    0,
    0,
    REVERSEKEY,
    INTEGERKEY,
    DUPSORT,
    DUPSORT | DUPFIXED,
    DUPSORT | DUPFIXED | INTEGERDUP,
    DUPSORT | INTEGERKEY,
    DUPSORT | REVERSEKEY,
    DUPSORT | REVERSEDUP,
    DUPSORT | DUPFIXED | REVERSEDUP,
)
Items = list[tuple[bytes, bytes]]


@dataclass
class Plan:
    """The kind and databases of an environment, and the options for writing it."""

    version: int
    subdir: bool
    options: dict[str, bool]
    databases: dict[bytes | None, int]
    copied: str
    key_bytes: int
    value_bytes: int
    keys: dict[bytes | None, list[bytes]] = field(default_factory=dict)


def plan(chance: random.Random) -> Plan:
    """Choose at random what to write."""
    names: list[bytes] = [b"train", b"val", b"a/b c", b"\xe9t\xe9"][: chance.choice((0, 0, 1, 2, 4))]
    databases: dict[bytes | None, int] = {name: chance.choice(KINDS) for name in names}
    if not names or chance.random() < 0.3:
        alone = chance.choice(KINDS) if chance.random() < 0.4 else 0
        databases[None] = alone if not names else alone & REVERSEKEY
    options = chance.choice(({}, {}, {"writemap": True}, {"writemap": True, "map_async": True}, {"sync": False}))
    version = chance.choice((0, 0, 1))
    copied = chance.choice(("", "", "", "", "copy", "compact"))
    if copied == "compact" and any(flags & DUPSORT for flags in databases.values()):
        copied = "copy"  # liblmdb 0.9.36 may die of SIGSEGV
    if version:
        options = {}  # with these, the LMDB 1.0 of py-lmdb 3.0 fails an assertion in its list of free pages
    return Plan(
        version,
        chance.random() < 0.7,
        options,
        databases,
        copied,
        chance.choice((4, 8)),
        chance.choice((1, 2, 4, 8, 40)),
    )


def build(folder: Path, seed: int) -> tuple[Path, Plan]:
    """Write the environment of a seed below a folder; return its path, as given to a reader, and its plan."""
    chance = random.Random(seed)
    made = plan(chance)
    path = folder / ("env" if made.subdir else "env.mdb")
    _with_flags(path, made)
    size = 1 << 24
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        size = _session(path, made, chance, size)
    if made.copied:
        target = folder / ("copy" if made.subdir else "copy.mdb")
        if made.subdir:
            target.mkdir()
        with lmdb.open(str(path), subdir=made.subdir, readonly=True, lock=False, max_dbs=8) as environment:
            environment.copy(str(target), compact=made.copied == "compact")
        path = target
    return path, made


def _with_flags(path: Path, made: Plan) -> None:
    """Create the empty databases, including flags that py-lmdb does not set itself."""
    lmdb.open(str(path), subdir=made.subdir, max_dbs=8, lib_version=made.version).close()
    data = path / "data.mdb" if made.subdir else path
    if made.databases.get(None):
        raw = bytearray(data.read_bytes())
        header = 16 if raw[16:20] == struct.pack("=I", 0xBEEFC0DE) else 24
        for meta in (0, 1):
            struct.pack_into("=H", raw, meta * PAGE + header + 76, made.databases[None])
        data.write_bytes(raw)
    named = {name: flags for name, flags in made.databases.items() if name is not None}
    if not named:
        return
    with lmdb.open(str(path), subdir=made.subdir, max_dbs=8) as environment:
        for name, flags in named.items():
            environment.open_db(
                name,
                reverse_key=bool(flags & REVERSEKEY),
                dupsort=bool(flags & DUPSORT),
                integerkey=bool(flags & INTEGERKEY),
                dupfixed=bool(flags & DUPFIXED),
                integerdup=bool(flags & INTEGERDUP),
            )
    raw = bytearray(data.read_bytes())
    for name, flags in named.items():
        at = raw.find(name)
        while flags & REVERSEDUP and at >= 0:
            for behind in range(at + len(name), at + len(name) + 3):
                record = raw[behind : behind + 8]
                if len(record) == 8 and struct.unpack_from("=IH", record)[1] == flags & ~REVERSEDUP:
                    struct.pack_into("=H", raw, behind + 4, flags)
                    break
            at = raw.find(name, at + 1)
    data.write_bytes(raw)


def _session(path: Path, made: Plan, chance: random.Random, size: int) -> int:
    """Open the environment, commit a few times and close it; return the map size at the end."""
    with lmdb.open(
        str(path), size, subdir=made.subdir, max_dbs=8, max_readers=8, lock=chance.random() < 0.8, **made.options
    ) as environment:
        reader = environment.begin() if chance.random() < 0.3 else None
        for _ in range(chance.choice((1, 1, 2, 4, 12))):
            try:
                with environment.begin(write=True) as transaction:
                    _changes(environment, transaction, made, chance)
                    if chance.random() < 0.1:
                        transaction.abort()
            except lmdb.MapFullError:
                if reader is not None:
                    reader.abort()
                    reader = None
                size *= 2
                environment.set_mapsize(size)
        if reader is not None:
            reader.abort()
    return size


def _changes(environment: lmdb.Environment, transaction: lmdb.Transaction, made: Plan, chance: random.Random) -> None:
    """Put, overwrite and delete records in one transaction, some of them in a nested transaction."""
    for name, flags in made.databases.items():
        if chance.random() < 0.3:
            continue
        handle = environment.open_db(name, txn=transaction, create=False)
        style = chance.choice(("few", "many", "delete", "overwrite", "ascend", "drop", "within"))
        keys = made.keys.setdefault(name, [])
        if style == "drop" and name is not None and chance.random() < 0.4:
            transaction.drop(handle, delete=False)
            keys.clear()
            continue
        if style == "within" and not made.options.get("writemap"):
            with environment.begin(write=True, parent=transaction) as inner:
                before = list(keys)
                _put(inner, handle, flags, keys, made, chance, chance.randrange(60))
                if chance.random() < 0.4:
                    inner.abort()
                    keys[:] = before
            continue
        if style == "delete":
            _delete(transaction, handle, keys, chance)
            continue
        count = {"few": 5, "many": 400, "ascend": 150}.get(style, 40)
        _put(transaction, handle, flags, keys, made, chance, chance.randrange(count), overwrite=style == "overwrite")


def _delete(transaction: lmdb.Transaction, handle: object, keys: list[bytes], chance: random.Random) -> None:
    share = chance.choice((0.1, 0.5, 0.95, 1.0))
    gone = {key for key in keys if chance.random() < share}
    for key in sorted(gone):
        transaction.delete(key, db=handle)
    keys[:] = [key for key in keys if key not in gone]


def _put(
    transaction: lmdb.Transaction,
    handle: object,
    flags: int,
    keys: list[bytes],
    made: Plan,
    chance: random.Random,
    count: int,
    *,
    overwrite: bool = False,
) -> None:
    sizes = chance.sample(SIZES, 3)
    for _ in range(count):
        again = keys and (overwrite or chance.random() < 0.2)
        key = chance.choice(keys) if again else _key(flags, made, chance)
        if not again:
            keys.append(key)
        several = chance.choice((1, 1, 2, 20)) if flags & DUPSORT else chance.choice((1, 1, 1, 2))
        for _ in range(600 if flags & DUPSORT and chance.random() < 0.02 else several):
            transaction.put(key, _value(flags, made, chance, sizes), db=handle)


def _key(flags: int, made: Plan, chance: random.Random) -> bytes:
    if flags & INTEGERKEY:
        return chance.randrange(1 << 31).to_bytes(made.key_bytes, "little")
    if chance.random() < 0.8:
        return b"%08d" % chance.randrange(100_000)
    return b"k" + chance.randbytes(chance.choice((1, 3, 30, 200, 480)))


def _value(flags: int, made: Plan, chance: random.Random, sizes: list[int]) -> bytes:
    if flags & INTEGERDUP:
        return chance.randrange(1 << 31).to_bytes(made.key_bytes, "little")
    if flags & DUPFIXED:
        return chance.randbytes(made.value_bytes)
    if flags & DUPSORT:
        return chance.randbytes(chance.choice((1, 2, 8, 8, 40, 300)))
    size = chance.choice(sizes)
    return chance.randbytes(min(size, 40)).ljust(size, b"v")


def read_by_the_library(path: Path, made: Plan) -> dict[bytes | None, Items]:
    """Return all records of each database, as the library reads them."""
    held: dict[bytes | None, Items] = {}
    with lmdb.open(str(path), subdir=path.is_dir(), readonly=True, lock=False, max_dbs=8) as environment:
        for name in made.databases:
            handle = environment.open_db(name, create=False)
            with environment.begin(db=handle) as transaction:
                held[name] = [it for it in _pairs(transaction) if name is not None or not _is_name(it[0], made)]
    return held


def _pairs(transaction: lmdb.Transaction) -> Iterator[tuple[bytes, bytes]]:
    return iter(transaction.cursor())


def _is_name(key: bytes, made: Plan) -> bool:
    return key.rstrip(b"\0") in made.databases


def read(path, shard_bytes=None, **options):
    """Return the records of each database as datacheck reads them, and all findings."""
    reader = LmdbReader(path, shard_bytes)
    layout = reader.layout()
    findings, held, account = list(layout.findings), {}, {}
    for shard in layout.shards:
        for block in reader.blocks(shard, **options):
            findings += [finding for _, finding in block.findings]
            pairs = zip(block.keys, block.values, strict=True)
            held.setdefault(shard.part, []).extend((bytes(at), bytes(value)) for at, value in pairs)
            for name, count in block.account.items():
                account[name] = account.get(name, 0) + count
    return {part: pairs for part, pairs in held.items() if pairs}, findings + reader.conclude(account)
