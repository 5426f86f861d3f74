"""Examine a LevelDB before its records are read: where to divide it, and which files are damaged."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.backends.leveldb.block import Damaged, read_failure
from datacheck.backends.leveldb.table import Table, TableFile
from datacheck.backends.leveldb.table_files import open_table, table_path
from datacheck.backends.leveldb.write_batches import LogIndex, open_log
from datacheck.files.regular import NotRegular
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

NEAR = 4
"""A part ends where a table ends if that is within this fraction of the part from where it would end otherwise."""
SHOWN = 120
"""Maximum number of characters of a key in a message; `details` have all of it."""


class Survey:
    """A collector of keys that may divide a store, one per about `step` bytes, and of what is wrong with its files."""

    def __init__(self, step: int) -> None:
        self.findings: list[Finding] = []
        self.lacking: list[str] = []
        """The tables that cannot be opened, by their names without the suffix."""
        self.live = 0
        self.blocks = 0
        """Number of blocks in all tables."""
        self._step = step
        self._seams: list[tuple[bytes, int]] = []
        self._table_ends: set[bytes] = set()

    def table(self, directory: Path, file: TableFile) -> None:
        try:
            table = open_table(directory, file)
        except Damaged as exc:
            name = table_path(directory, file.number).name
            self.lacking.append(Path(name).stem)
            self.findings.append(table_finding(name, exc, file.smallest, file.largest))
            return
        if table.damage is not None:
            self.findings.append(index_finding(table, table.damage))
        self.blocks += len(table)
        self._table_ends.add(file.largest)
        weight = 0
        for key, size in zip(table.bounds[1:], table.sizes, strict=True):
            weight += size
            if weight >= self._step:
                self._seams.append((key, weight))
                weight = 0
        if weight:
            self._seams.append((file.largest, weight))

    def log(self, path: Path) -> None:
        try:
            log = open_log(path)
        except NotRegular as exc:
            why = f"{path.name} {exc.clause}; what was written to it is lost"
            self.findings.append(found("damaged-store", why, file=path.name))
            return
        except OSError as exc:
            self.findings.append(unread_log(path, exc))
            return
        self.live += log.live
        self.findings += log_findings(path, log)
        ends = log.sizes.cumsum()
        steps = ends // self._step
        rows = np.flatnonzero(np.diff(steps, prepend=0)).tolist()
        before = 0
        for row in rows:
            self._seams.append((log.key(row), int(ends[row]) - before))
            before = int(ends[row])

    def spread(self, count: int) -> list[bytes]:
        """Return up to `count` - 1 keys that divide the store into parts of about equal size."""
        ends = self._sort()
        return self._keys(bisect_left(ends, ends[-1] * part // count) for part in range(1, count if ends else 0))

    def spread_by_table(self, count: int) -> list[bytes]:
        """Return what `spread` does, but end a part where a table ends if one does nearby: parts share fewer tables."""
        ends = self._sort()
        of_tables = [place for place, (key, _) in enumerate(self._seams) if key in self._table_ends]
        if not of_tables:
            return self.spread(count)
        places = []
        before = 0
        for left in range(count, 1, -1):
            each = (ends[-1] - before) // left
            place, near = bisect_left(ends, before + each), _nearest(of_tables, ends, before + each)
            if abs(ends[near] - before - each) * NEAR <= each:
                place = near
            places.append(place)
            before = ends[place]
        return self._keys(places)

    def _sort(self) -> list[int]:
        """Sort the seams, and return where each is, in bytes from the start of the store."""
        self._seams.sort()
        return list(accumulate(weight for _, weight in self._seams))

    def _keys(self, places: Iterable[int]) -> list[bytes]:
        """Return the keys of different seams, without the last of all."""
        return [key for key in dict.fromkeys(self._seams[place][0] for place in places) if key < self._seams[-1][0]]


def _nearest(places: Sequence[int], ends: Sequence[int], wanted: int) -> int:
    """Return that of the ascending `places` whose end is nearest to the one wanted."""
    at = bisect_left(places, wanted, key=ends.__getitem__)
    return min(places[max(0, at - 1) : at + 1], key=lambda place: abs(ends[place] - wanted))


def unread_log(path: Path, error: OSError) -> Finding:
    """Return the finding for a log that cannot be read at all."""
    damage = read_failure(error, path.name)
    return found(damage.code, damage.why, verdict=damage.verdict, file=path.name, **damage.details)


def log_findings(path: Path, log: LogIndex) -> list[Finding]:
    """Return findings for the damage in a log, with the number of writes that are lost."""
    lost = dict(_lost_by_damage(log.damages, log.lost))
    findings = []
    for place, damage in enumerate(log.damages):
        count = lost.get(place)
        cost = "what was written there is"
        if count is not None:
            cost = f"{count:,} {'write is' if count == 1 else 'writes are'}"
        cost += f" {damage.toll}, and what {'it' if count in (None, 1) else 'they'} replaced or deleted may be read"
        if damage.toll == "nothing":
            cost = "all that it holds was read"
        findings.append(log_finding(path.name, damage, cost, **({} if count is None else {"lost": count})))
    return findings


def index_finding(table: Table, damage: Damaged) -> Finding:
    """Return the finding for a table whose index is lost, and whose blocks were found without it."""
    count = len(table) - len(table.gaps)
    why = f"{damage.why}; {count:,} {'block was' if count == 1 else 'blocks were'} found without the index"
    return table_finding(table.path.name, damage.with_text(why), None, None)


def _lost_by_damage(damages: list[Damaged], lost: list[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Yield the index of a damage and the number of writes lost; a gap in the sequence goes to the damage before it."""
    offsets = [damage.offset or 0 for damage in damages]
    for offset, count in lost:
        place = bisect_left(offsets, offset) - 1
        if place >= 0:
            yield place, count


def table_finding(name: str, damage: Damaged, first: bytes | None, last: bytes | None) -> Finding:
    """Return the finding for a table, or a block of it, and the keys that are lost: above `first`, up to `last`."""
    details: dict[str, Any] = {"file": name, **damage.details}
    text = f"{name}{_place_text(damage)} {damage.why}"
    if first is not None:
        details |= {"first_key": escape(first)} | ({} if last is None else {"last_key": escape(last)})
        text += f"; the records {_key_range_text(first, last)} are {damage.toll}"
    return found(damage.code, text, verdict=damage.verdict, **details)


def _key_range_text(first: bytes, last: bytes | None) -> str:
    if last is None:
        return f"behind the key {_key_text(first)}"
    return f"between the keys {_key_text(first)} and {_key_text(last)}" if first else f"up to the key {_key_text(last)}"


def log_finding(name: str, damage: Damaged, cost: str, **details: Any) -> Finding:
    """Return the finding for a stretch of a log or MANIFEST, and its consequence."""
    text = f"{name}{_place_text(damage)}: {damage.why}{'; ' if cost else ''}{cost}"
    return found(damage.code, text, verdict=damage.verdict, file=name, **{**damage.details, **details})


def _place_text(damage: Damaged) -> str:
    if damage.offset is None:
        return ""
    size = "" if damage.size is None else f" ({damage.size:,} bytes)"
    return f", at byte {damage.offset:,}{size}"


def _key_text(key: bytes) -> str:
    text = escape(key[: SHOWN + 1])
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def total_size(paths: Iterable[Path]) -> int:
    """Return the total size of those files that exist, in bytes."""
    return sum(path.stat().st_size for path in paths if path.is_file())
