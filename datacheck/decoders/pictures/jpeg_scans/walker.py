"""Walk the scans of a JPEG: is there anything in them that no encoder writes?

It is bad where it cannot be: bits that are no code, values that 8-bit samples do not have, data that ends too early or
too late. What sound pictures were never seen to have, and might, is odd.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures.jpeg_markers import Walk
from datacheck.decoders.pictures.jpeg_scans import bands, kernels
from datacheck.decoders.pictures.jpeg_scans.plans import WAVES, Plan, Scan, plan

MOST_COEFFICIENTS = 1 << 26
"""Progressive pictures of more of them are not walked, nor those of which all scans together pass over more blocks."""
OUT_OF_RANGE = 3000
"""Samples are odd where they are out of range by so many thousandths of what rounding explains: mozjpeg's
deringing, which means to be, comes to 2000."""
MANY_CODES, FEW_UNUSED = 20, 2
"""Of a table of more codes than these, all are used, or many are not: one or two are not left over by an encoder."""
RESTARTS = 10
WORDS = {
    kernels.NO_CODE: "bits that are no Huffman code",
    kernels.RUN_PAST: "a run of zeros that leads past the end of its block",
    kernels.ZEROS_LAST: "sixteen zeros at the end of a block, which are written as its end",
    kernels.UNDEFINED: "a symbol that 8-bit pictures do not have",
    kernels.LARGE: "a coefficient that is larger than any of 8-bit samples",
    kernels.MEAN: "a block that is darker than black or brighter than white",
    kernels.TOO_FEW: "the data ends before the last block",
    kernels.LEFT_OVER: "{number} bytes are left over behind the last block",
    kernels.PADDED: "what follows the last block is not filled up with ones",
    RESTARTS: "restart markers are missing or out of order",
    kernels.JOINED: "two ends of bands in a row, which are written as one",
    kernels.BAND_PAST: "an end of bands that leads past the last block",
    kernels.NOT_ONE: "a bit of precision that adds more than one",
}


@dataclass(frozen=True)
class Damage:
    """What is wrong, and in which of how many rows of MCUs it shows; it may begin in one above.

    What follows is spoilt up to the `last` row: up to the next restart marker, or the end.
    """

    rule: int
    row: int
    last: int
    rows: int
    scan: int
    scans: int
    number: int = 0

    @property
    def words(self) -> str:
        said = WORDS[self.rule].format(number=self.number)
        of = f" of scan {self.scan} of {self.scans}" if self.scans > 1 else ""
        return f"Huffman data{of}: {said}, in MCU row {self.row} of {self.rows}"

    @property
    def until(self) -> str:
        """Say where what is spoilt ends, if it is not with the picture."""
        return "" if self.last == self.rows else f", up to row {self.last}"

    @property
    def details(self) -> dict[str, int]:
        """What a finding says of the place; rows are counted from 1."""
        return {"row": self.row, "rows": self.rows, **({"scan": self.scan} if self.scans > 1 else {})}


@dataclass
class Walked:
    """What a walk came to: damage, or what is odd.

    `flat` says that the means of all blocks of the first component are one grey, or nearly.
    """

    damage: Damage | None = None
    odd: list[str] = field(default_factory=list)
    flat: bool = True


def walk(value: bytes, steps: Walk, *, closer: bool = False) -> Walked | None:
    """Walk all scans of a picture, `closer` for what is odd too. None for one that cannot be judged so."""
    made = plan(value, steps)
    return None if made is None else walk_planned(made, value, closer=closer)


def walk_planned(made: Plan, value: bytes, *, closer: bool = False) -> Walked | None:
    """Walk the scans of a plan; None where that is too much to do."""
    walking = _Walking(made, np.frombuffer(value, np.uint8), closer)
    if made.progressive:
        work = made.rows * max(64, len(made.scans))
        return walking.progressive() if work <= MOST_COEFFICIENTS else None
    return walking.sequential() if made.whole else None


def walk_scan(made: Plan, value: bytes, start: int, stop: int) -> Walked:
    """Walk the only scan of a plan, whose data is at another place than it says."""
    walking = _Walking(made, np.frombuffer(value, np.uint8), closer=False)
    return walking.sequential((start, stop))


class _Taken(NamedTuple):
    """The data of a scan for the loops, how many intervals are to be walked, and if restart markers are in order."""

    data: NDArray[np.uint8]
    words: NDArray[np.uint32]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    intervals: int
    orderly: bool


class _Walking:
    """One walk: the bytes of each scan as the loops take them, and what was found."""

    def __init__(self, made: Plan, value: NDArray[np.uint8], closer: bool) -> None:
        self._plan, self._value, self._closer = made, value, closer
        self._used = np.zeros((len(made.tables), 256), np.int64) if closer else None
        self._odd: list[str] = []

    def sequential(self, place: tuple[int, int] | None = None) -> Walked:
        flat = True
        for scan in self._plan.scans:
            start, stop = place or (scan.start, scan.stop)
            taken = self._taken(scan, start, stop)
            out = np.array([1 << 20, -(1 << 20), 0, 0], np.int64)
            wrong, mcu, number = kernels.sequential(
                taken.data, taken.words, taken.starts, taken.sizes, taken.intervals, scan.units, scan.mcus,
                scan.restart or scan.mcus, self._plan.tables, scan.most, scan.means, scan.quants, WAVES,
                self._used, out,
            )  # fmt: skip
            damage = self._damage(scan, wrong, mcu, number, orderly=taken.orderly)
            if damage is not None:
                return Walked(damage)
            if scan.components[0][0] == 0:
                flat = _grey(out[0], scan) == _grey(out[1], scan)
            if self._closer:
                self._odd += _odd_means(int(out[2]))
                self._odd += _odd_samples(int(out[3]))
        return Walked(odd=[*self._odd, *self._odd_tables()], flat=flat)

    def progressive(self) -> Walked:
        coefficients = np.zeros((self._plan.rows, 64), np.int16)
        for scan in self._plan.scans:
            taken = self._taken(scan, scan.start, scan.stop)
            restart = scan.restart or scan.mcus
            first, last, low, high = scan.band
            if last == 0:
                wrong, mcu, number = bands.dc_scan(
                    taken.data, taken.words, taken.starts, taken.sizes, taken.intervals, scan.units,
                    np.array([scan.across, scan.down]), restart, self._plan.tables,
                    self._used, high, low, coefficients,
                )  # fmt: skip
            else:
                table = scan.components[0][2]
                only = self._plan.components[scan.components[0][0]]
                wrong, mcu, number = bands.ac_scan(
                    taken.data, taken.words, taken.starts, taken.sizes, taken.intervals,
                    np.array([scan.across, scan.down, only.first, only.stride]), restart,
                    self._plan.tables, table, scan.most[0], self._used, np.array([first, last, low, high]),
                    coefficients,
                )  # fmt: skip
            damage = self._damage(scan, wrong, mcu, number, orderly=taken.orderly)
            if damage is not None:
                return Walked(damage)
        return self._judged(coefficients)

    def _judged(self, coefficients: NDArray[np.int16]) -> Walked:
        """Judge the coefficients that all scans of a progressive picture came to."""
        for number, component in enumerate(self._plan.components):
            scan = next((it for it in reversed(self._plan.scans) if it.means_of(number)), None)
            if scan is None or scan.band[2]:  # the last bits of DC are missing
                continue
            means, quants = next(
                (scan.means[at], scan.quants[at]) for at, it in enumerate(scan.components) if it[0] == number
            )
            rows = component.stride * component.lines
            dc = coefficients[component.first : component.first + rows, 0]
            beyond = np.flatnonzero((dc < means[0]) | (dc > means[1]))
            if beyond.size:
                row = int(beyond[0]) // component.stride // component.down
                return Walked(self._at(scan, kernels.MEAN, row, row, component.lines // component.down))
            if self._closer:
                self._odd += _odd_means(int(((dc < means[2]) | (dc > means[3])).sum()))
                most = bands.worst(coefficients, component.first, rows, quants, WAVES)
                self._odd += _odd_samples(most)
        return Walked(odd=[*self._odd, *self._odd_tables()])

    def _taken(self, scan: Scan, start: int, stop: int) -> _Taken:
        """Return a scan's data as the loops take it."""
        expected = scan.intervals
        data = np.empty(((stop - start) * 3 // 2 + kernels.PADDING + 4) & ~3, np.uint8)
        room = min(expected, (stop - start) // 2 + 1) + 1  # a restart marker takes two bytes
        starts, sizes, markers = np.zeros((3, room), np.int64)
        size, count = kernels.unstuffed(self._value, start, stop, data, starts, sizes, markers)
        words = data[: (size + kernels.PADDING) & ~3].view(">u4").astype(np.uint32)
        orderly = count == expected - 1 or (count == expected and not sizes[expected])
        if orderly and count:
            orderly = bool((markers[:count] == np.arange(count) & 7).all())
        return _Taken(data, words, starts, sizes, min(count + 1, expected), orderly)

    def _damage(self, scan: Scan, wrong: int, mcu: int, number: int, *, orderly: bool) -> Damage | None:
        if not orderly and wrong in (kernels.SOUND, kernels.TOO_FEW, kernels.LEFT_OVER):
            wrong = RESTARTS
        if wrong == kernels.SOUND:
            return None
        restart = scan.restart or scan.mcus
        last = min(scan.mcus, (mcu // restart + 1) * restart) - 1
        return self._at(scan, wrong, mcu // scan.across, last // scan.across, scan.down, number)

    def _at(self, scan: Scan, rule: int, row: int, last: int, rows: int, number: int = 0) -> Damage:
        scans = self._plan.scans
        return Damage(rule, row + 1, last + 1, rows, scans.index(scan) + 1, len(scans), number)

    def _odd_tables(self) -> Iterator[str]:
        if self._used is None:
            return
        for row, used in zip(self._plan.tables, self._used, strict=True):
            codes, unused = int(row[kernels.COUNT]), int(row[kernels.COUNT]) - np.count_nonzero(used)
            if codes > MANY_CODES and 0 < unused <= FEW_UNUSED:
                yield f"a Huffman table made for the picture has {codes} codes, of which {unused} are not used"


def _grey(mean: int, scan: Scan) -> int:
    """Return the grey that a decoder makes of a block's mean alone."""
    return min(255, max(0, ((int(mean) * int(scan.quants[0, 0]) + 4) >> 3) + 128))


def _odd_means(count: int) -> Iterator[str]:
    if count:
        yield f"{count} blocks are a little darker than black or brighter than white"


def _odd_samples(excess: int) -> Iterator[str]:
    if excess > OUT_OF_RANGE:
        yield f"a block has samples out of range by {excess / 1000:.1f} times what rounding explains"
