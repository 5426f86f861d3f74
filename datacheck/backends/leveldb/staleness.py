"""Find records of a damaged LevelDB that may not be the newest of their key, or may have been deleted since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacheck.backends.leveldb.block import Value
from datacheck.backends.leveldb.table import Edge, Table
from datacheck.backends.leveldb.version import Age, Origin
from datacheck.model.finding import Finding, found


@dataclass(frozen=True, slots=True)
class LostRange:
    """Writes that cannot be read: their origin, and the range from a place on up to a key (None: up to the end)."""

    origin: Origin
    age: Age | None
    low: Edge
    high: bytes | None

    def hides(self, key: bytes, origin: Origin) -> bool:
        """Return whether a newer write of a key than the one from `origin` may be among the lost writes."""
        if (key, 0) < self.low or (self.high is not None and key > self.high):
            return False
        if self.age is None or origin.age is None:
            return origin is not self.origin or self.low[1] == 0
        return self.age > origin.age


class LostWrites:
    """What was lost in a pass over a range of keys, and the findings for the records that this makes doubtful."""

    def __init__(self) -> None:
        self.lost: list[LostRange] = []
        self.findings: dict[bytes, Finding] = {}

    def lose_table(self, origin: Origin, smallest: bytes, largest: bytes) -> None:
        """Note that all of a table is lost."""
        self.lost.append(LostRange(origin, origin.age, (smallest, -1), largest))

    def lose_block(self, origin: Origin, table: Table, block: int) -> None:
        """Note that a block of a table is lost, or a gap if the index is lost too."""
        low, high = table.span(block)
        self.lost.append(LostRange(origin, origin.age, (low, 1 if block else -1), high))
        if block in table.gaps and high is not None:
            # without an index, the write behind a gap may be older than one of the same key in the gap
            self.lost.append(LostRange(origin, None if origin.age is None else (*origin.age, 1), (high, 0), high))

    def may_affect(self, first: bytes, last: bytes, origins: Sequence[Origin]) -> bool:
        """Return whether records between two keys may be doubtful; forget losses that end before the first key."""
        if self.lost:
            self.lost = [it for it in self.lost if it.high is None or it.high >= first]
        return any(origin.replaced for origin in origins) or any(it.low[0] <= last for it in self.lost)

    def sift(
        self, keys: list[bytes], values: Sequence[Value], origins: Sequence[Origin]
    ) -> tuple[list[bytes], list[Value]]:
        """Return the records without those that a compaction has dropped; note findings for the doubtful ones."""
        near = [it for it in self.lost if it.low[0] <= keys[-1]]
        near.sort(key=lambda it: (it.low, it.origin.file))
        kept = []
        for row, (key, origin) in enumerate(zip(keys, origins, strict=True)):
            lost = next((it for it in near if it.hides(key, origin)), None)
            if origin.replaced:
                if lost is None and any(low <= key <= high for low, high in origin.replaced):
                    continue
                why = f"{origin.file}, which a compaction has made into others, has this record, and they do not"
                self.findings[key] = found("orphan", f"{why}: it may have been deleted since", file=origin.file)
            elif lost is not None:
                place = "behind that" if lost.origin is origin else f"from {origin.file}"
                why = f"a newer write of this key may have been lost with a part of {lost.origin.file}"
                self.findings[key] = found("stale", f"{why}: this one is {place}", file=lost.origin.file)
            kept.append(row)
        return [keys[row] for row in kept], [values[row] for row in kept]
