"""Measure what datacheck finds and recovers in damaged LMDB environments, compared with py-lmdb's verifier.

There are environments of several sizes. The records that a damage did not touch are known from their pages in the sound
file. A row says whether the damage was found, how it was named, and how many of the untouched records a rebuild wrote
into a sound store, byte for byte.
"""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import lmdb
import numpy as np
from damage_row import Row

import datacheck
from datacheck.backends.lmdb.format import BIGDATA, BRANCH, LEAF, OVERFLOW, SUBDATA
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.skeleton import skeleton
from datacheck.decoders.datum.message import encode

PAGE = 4096
Where = dict[tuple[str, bytes, bytes], set[int]]
RIVAL_SECONDS = 120


def write(path: Path, count: int, shape: tuple[int, int, int], name: bytes | None = None) -> Path:
    """Write raw Datum records, a thousand per commit."""
    chance = np.random.default_rng(1)
    with lmdb.open(str(path), map_size=1 << 30, max_dbs=4) as environment:
        handle = environment.open_db(name)
        for start in range(0, count, 1000):
            with environment.begin(write=True, db=handle) as transaction:
                for number in range(start, min(count, start + 1000)):
                    values = chance.integers(0, 256, shape, dtype=np.uint8)
                    transaction.put(b"%08d" % number, encode(values, number % 10))
    return path


def named(path: Path) -> Path:
    write(path, 400, (1, 28, 28), b"train")
    return write(path, 60, (3, 64, 64), b"val")


STORES: dict[str, Callable[[Path], Path]] = {
    "20,000 small records": lambda path: write(path, 20_000, (1, 28, 28)),
    "300 large records": lambda path: write(path, 300, (3, 128, 128)),
    "two databases": named,
}


Records = set[tuple[str, bytes, bytes]]
LAST_COMMIT: dict[str, Callable[[Records], Records]] = {
    "20,000 small records": lambda records: {it for it in records if it[1] >= b"%08d" % 19_000},
    "300 large records": lambda records: records,
    "two databases": lambda records: {it for it in records if it[0] == "val"},
}
"""The records that the last commit of each environment wrote."""


def where(path: Path) -> Where:
    """Return the pages that each record lies on."""
    data = path / "data.mdb"
    raw = data.read_bytes()
    held: Where = {}
    with Pages(data) as pages:
        for part, tree in skeleton(data).trees.items():
            for node, page in pages.leaf_nodes(tree.record):
                if node.flags & SUBDATA:
                    continue
                own = {int.from_bytes(page[:8], sys.byteorder)}
                value = page[node.offset : node.offset + node.size]
                if node.flags & BIGDATA:
                    first = int.from_bytes(value[:8] or page[node.offset : node.offset + 8], sys.byteorder)
                    start = first * PAGE + pages.header
                    value = raw[start : start + node.size]
                    own |= set(range(first, (start + node.size - 1) // PAGE + 1))
                held[part, node.key, value] = own
    return held


class File:
    """The bytes of a data file, to be damaged page by page."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.raw = bytearray(data.read_bytes())
        self.used = skeleton(data).used
        self.touched: set[int] = set()
        self.chance = random.Random(7)

    def pages(self, kind: int, *, reached: bool = True) -> list[int]:
        return [
            page
            for page in range(2, len(self.raw) // PAGE)
            if struct.unpack_from("=H", self.raw, page * PAGE + 10)[0] == kind
            and struct.unpack_from("=Q", self.raw, page * PAGE)[0] == page
            and (not reached or self.used[page] == 1)
        ]

    def put(self, page: int, content: bytes) -> None:
        self.raw[page * PAGE : (page + 1) * PAGE] = content
        self.touched.add(page)

    def content(self, page: int) -> bytes:
        return bytes(self.raw[page * PAGE : (page + 1) * PAGE])

    def cut(self, size: int) -> None:
        self.touched |= set(range(size // PAGE, len(self.raw) // PAGE + 1))
        del self.raw[size:]


def _cut(share: float) -> Callable[[File], None]:
    return lambda file: file.cut(int(len(file.raw) * share) // 8 * 8)


def _in_the_last_value(file: File) -> None:
    last = max(file.pages(OVERFLOW, reached=False))
    (count,) = struct.unpack_from("=I", file.raw, last * PAGE + 12)
    file.cut((last + count) * PAGE - PAGE - PAGE // 2)


def _leaves(count: int, content: Callable[[File, int], bytes]) -> Callable[[File], None]:
    def damage(file: File) -> None:
        pages = file.pages(LEAF)
        for page in pages[len(pages) // 3 :][:count]:
            file.put(page, content(file, page))

    return damage


def _branches(file: File) -> None:
    for page in file.pages(BRANCH):
        file.put(page, bytes(PAGE))


def _root(file: File) -> None:
    branches = file.pages(BRANCH)
    file.put(max(branches) if branches else max(file.pages(LEAF)), bytes(PAGE))


def _cross_linked(file: File) -> None:
    page = file.pages(BRANCH)[0]
    one, two = (page * PAGE + it for it in struct.unpack_from("=HH", file.raw, page * PAGE + 16))
    file.raw[one : one + 6] = file.raw[two : two + 6]


def _overflow_head(file: File) -> None:
    pages = file.pages(OVERFLOW, reached=False)
    file.put(pages[len(pages) // 2], bytes(PAGE))


def _metas(*, newer: bool, older: bool) -> Callable[[File], None]:
    def damage(file: File) -> None:
        with Pages(file.data) as pages:
            newest = pages.meta.txnid & 1
        if newer:
            file.put(newest, bytes(PAGE))
        if older:
            file.put(1 - newest, bytes(PAGE))

    return damage


def _free_list(file: File) -> None:
    with Pages(file.data) as pages:
        root = pages.meta.free.root
    if root < 1 << 48:
        file.put(root, bytes(PAGE))


def _number(file: File, at: int, change: Callable[[int], int], *, size: int = 8, newer: bool = True) -> None:
    """Change the number at an offset in both meta pages; the TXNID only in the newer one, or only in the older one."""
    with Pages(file.data) as pages:
        newest, header = pages.meta.txnid & 1, pages.header
    raw = bytes(file.raw[: 2 * PAGE])
    for page in (0, 1) if at != TXNID else (newest if newer else 1 - newest,):
        place = page * PAGE + header + at
        old = place if at == TXNID else newest * PAGE + header + at
        number = int.from_bytes(raw[old : old + size], sys.byteorder)
        file.raw[place : place + size] = change(number).to_bytes(size, sys.byteorder)


def _older_and_free_list(file: File) -> None:
    _metas(newer=False, older=True)(file)
    _free_list(file)


def _names(file: File) -> None:
    """Overwrite the page with the names of the databases with another leaf."""
    with Pages(file.data) as pages:
        root = pages.meta.main.root
    if len(skeleton(file.data).names) > 1:
        file.put(root, file.content(next(page for page in file.pages(LEAF) if page != root)))


TXNID, LAST_PAGE, DEPTH, ROOT = 128, 120, 24 + 48 + 6, 24 + 48 + 40
NEWER = "newer meta page zeroed"
DAMAGES: dict[str, Callable[[File], None]] = {
    "cut to 90 %": _cut(0.9),
    "cut to half": _cut(0.5),
    "cut in the last value": _in_the_last_value,
    "one leaf zeroed": _leaves(1, lambda file, page: bytes(PAGE)),
    "one leaf overwritten": _leaves(1, lambda file, page: file.chance.randbytes(PAGE)),
    "one leaf in the place of another": _leaves(1, lambda file, page: file.content(max(file.pages(LEAF)))),
    "root zeroed": _root,
    "every branch page zeroed": _branches,
    "a branch leads twice to one leaf": _cross_linked,
    "first page of a value zeroed": _overflow_head,
    "older meta page zeroed": _metas(newer=False, older=True),
    NEWER: _metas(newer=True, older=False),
    "both meta pages zeroed": _metas(newer=True, older=True),
    "free list zeroed": _free_list,
    "older meta page and free list zeroed": _older_and_free_list,
    "one bit of the older commit's number": lambda file: _number(file, TXNID, lambda it: it ^ 1 << 24, newer=False),
    "one bit of the newer commit's number": lambda file: _number(file, TXNID, lambda it: it ^ 2),
    "last page number halved": lambda file: _number(file, LAST_PAGE, lambda it: it // 2),
    "root is a leaf": lambda file: _number(file, ROOT, lambda it: file.pages(LEAF)[len(file.pages(LEAF)) // 2]),
    "one level too many": lambda file: _number(file, DEPTH, lambda it: it + 1, size=2),
    "one level too few": lambda file: _number(file, DEPTH, lambda it: it - 1, size=2),
    "names of the databases overwritten": _names,
}
WANTS = {
    "a branch leads twice to one leaf": BRANCH,
    "cut in the last value": OVERFLOW,
    "first page of a value zeroed": OVERFLOW,
}
"""The kind of page that a damage needs, for those that need one."""


def rival(path: Path) -> str:
    """Return what py-lmdb's verifier says."""
    command = [sys.executable, "-m", "lmdb", "verify", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RIVAL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "no answer"
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode < 0:
        return f"killed by signal {-done.returncode}"
    if done.returncode == 0:
        return "OK: no errors"
    return f"{len(lines)} lines: {lines[-1][:60]}" if len(lines) > 1 else (lines or ["no answer"])[0][:80]


def row(store: str, damage: str, source: Path, records: Where, folder: Path) -> Row | None:
    """Damage a copy of an environment, scan it, rebuild it and compare; return None if the damage changes nothing.

    If the newer meta page is gone, the records of the last commit do not count as intact: they are recovered as far as
    their pages are known to be newer than the older commit.
    """
    broken = folder / "broken"
    broken.mkdir()
    (broken / "data.mdb").write_bytes((source / "data.mdb").read_bytes())
    file = File(broken / "data.mdb")
    DAMAGES[damage](file)
    if file.raw == (source / "data.mdb").read_bytes():
        return None
    (broken / "data.mdb").unlink()
    (broken / "data.mdb").write_bytes(file.raw)
    untouched = {record for record, pages in records.items() if not pages & file.touched}
    intact = untouched if damage != NEWER else untouched - LAST_COMMIT[store](untouched)
    report = datacheck.scan(broken)
    first = next(iter(report.findings), None)
    found = first is not None
    pages = [finding.details["page"] for finding in report.findings if finding.details.get("page")]
    said = ", ".join(f"{count} {code}" for code, count in sorted(report.counts.items()))
    named = f"{said}; page {pages[0]}" if pages else said
    datacheck.rebuild(broken, folder / "copy", drop_bad=True)
    copied = {record[1:] for record in where(folder / "copy")}
    recovered = sum(record[1:] in copied for record in untouched)
    return Row(
        f"LMDB, {store}", damage, f"{len(file.raw) / 1e6:.1f} MB", found, named, len(intact), recovered, rival(broken)
    )


def rows() -> Iterator[Row]:
    """Yield a row for each damage of each environment that has the pages for it."""
    with tempfile.TemporaryDirectory() as home:
        for number, (store, build) in enumerate(STORES.items()):
            source = build(Path(home) / f"source-{number}")
            records = where(source)
            kinds = File(source / "data.mdb")
            for place, damage in enumerate(DAMAGES):
                if damage in WANTS and not kinds.pages(WANTS[damage], reached=False):
                    continue
                folder = Path(home) / f"{number}-{place}"
                folder.mkdir()
                made = row(store, damage, source, records, folder)
                if made is not None:
                    yield made
