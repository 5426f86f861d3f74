"""Walk the scans of a JPEG to find anything in them that no encoder writes.

A picture is bad if something is impossible: bits that are no code, values that 8-bit samples do not have, data that
ends too early or too late. What sound pictures might have, but were never seen to have, is odd.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures.jpeg_markers import Walk
from datacheck.decoders.pictures.jpeg_scans import terms
from datacheck.decoders.pictures.jpeg_scans.calling import walk_scans
from datacheck.decoders.pictures.jpeg_scans.plans import Plan, plan

MOST_COEFFICIENTS = 1 << 26
"""Largest progressive picture that is walked: in coefficients, and in blocks that all its scans pass over."""
OUT_OF_RANGE = 3000
"""Excess above which samples are odd, in thousandths of what rounding explains.

mozjpeg's deringing, which goes out of range on purpose, reaches 2000.
"""
MANY_CODES, FEW_UNUSED = 20, 2
"""Tables of more than MANY_CODES codes are odd if 1 to FEW_UNUSED codes are unused.

An encoder uses all codes of a table, or leaves many unused, but not one or two.
"""
WORDS = {
    terms.NO_CODE: "bits that are no Huffman code",
    terms.RUN_PAST: "a run of zeros that leads past the end of its block",
    terms.ZEROS_LAST: "sixteen zeros at the end of a block, which are written as its end",
    terms.UNDEFINED: "a symbol that 8-bit pictures do not have",
    terms.LARGE: "a coefficient that is larger than any of 8-bit samples",
    terms.MEAN: "a block that is darker than black or brighter than white",
    terms.TOO_FEW: "the data ends before the last block",
    terms.LEFT_OVER: "{number} bytes are left over behind the last block",
    terms.PADDED: "what follows the last block is not filled up with ones",
    terms.RESTARTS: "restart markers are missing or out of order",
    terms.JOINED: "two ends of bands in a row, which are written as one",
    terms.BAND_PAST: "an end of bands that leads past the last block",
    terms.NOT_ONE: "a bit of precision that adds more than one",
}


@dataclass(frozen=True)
class Damage:
    """Damage of a scan: what is wrong, and in which of how many MCU rows it shows; it may begin in a row above.

    The picture is spoilt from there up to the `last` row: up to the next restart marker, or the end.
    """

    rule: int
    row: int
    last: int
    rows: int
    scan: int
    scans: int
    number: int = 0

    @property
    def text(self) -> str:
        error = WORDS[self.rule].format(number=self.number)
        scan_text = f" of scan {self.scan} of {self.scans}" if self.scans > 1 else ""
        return f"Huffman data{scan_text}: {error}, in MCU row {self.row} of {self.rows}"

    @property
    def until(self) -> str:
        """The text for where the spoilt part ends; empty if that is the end of the picture."""
        return "" if self.last == self.rows else f", up to row {self.last}"

    @property
    def details(self) -> dict[str, int]:
        """The details of a finding about the place; rows are counted from 1."""
        return {"row": self.row, "rows": self.rows, **({"scan": self.scan} if self.scans > 1 else {})}


@dataclass
class Walked:
    """The result of a walk: damage, or what is odd.

    `flat` says that the means of all blocks of the first component are the same grey, or nearly. `surely` says that
    a picture that passes here also passes a decoder.
    """

    damage: Damage | None = None
    odd: list[str] = field(default_factory=list)
    flat: bool = True
    surely: bool = False


def walk(value: bytes, steps: Walk, *, closer: bool = False) -> Walked | None:
    """Walk all scans of a picture, with `closer` also for oddities.

    None if the picture cannot be judged in this way.
    """
    scan_plan = plan(value, steps)
    if scan_plan is None:
        return None
    script = scan_plan.script
    if script.progressive:
        work = script.rows * max(64, len(script.scans))
        return walk_planned(scan_plan, value, scan_plan.places, closer=closer) if work <= MOST_COEFFICIENTS else None
    return walk_planned(scan_plan, value, scan_plan.places, closer=closer) if script.whole else None


def walk_planned(scan_plan: Plan, value: bytes, places: Sequence[tuple[int, int]], *, closer: bool = False) -> Walked:
    """Walk the scans of a plan, which may lie at other places than the plan says."""
    script, limits = scan_plan.script, scan_plan.script.bounds
    used = np.zeros((len(scan_plan.tables), terms.VALUES), np.int64) if closer else None
    least, greatest, odd_means, excess, error, scan, mcu, number = walk_scans(value, scan_plan, places, used)
    if error != terms.SOUND:
        return Walked(_damage(scan_plan, error, scan, mcu, number))
    quant = int(limits.quants[0, 0])
    return Walked(
        odd=[*_odd_means(odd_means), *_odd_samples(excess), *_odd_tables(scan_plan.tables, used)]
        if used is not None
        else [],
        flat=_grey(least, quant) == _grey(greatest, quant),
        surely=scan_plan.adjoining and script.orderly,
    )


def _damage(scan_plan: Plan, error: int, number: int, mcu: int, detail: int) -> Damage:
    scan, scans = scan_plan.script.scans[number], len(scan_plan.script.scans)
    if error == terms.FINAL_MEAN:  # comes with a row in place of an MCU
        component = int(scan_plan.script.units[scan.unit, 0])
        lines, down = (int(scan_plan.script.components[component, column]) for column in (terms.LINES, terms.MCU_LINES))
        return Damage(terms.MEAN, detail + 1, detail + 1, lines // down, number + 1, scans)
    last = min(scan.mcus, (mcu // scan.restart + 1) * scan.restart) - 1
    row, last_row = mcu // scan.across, last // scan.across
    return Damage(error, row + 1, last_row + 1, scan.down, number + 1, scans, detail)


def _odd_tables(tables: NDArray[np.int32], used: NDArray[np.int64]) -> Iterator[str]:
    for row, counts in zip(tables, used, strict=True):
        code_count, unused = int(row[terms.COUNT]), int(row[terms.COUNT]) - np.count_nonzero(counts)
        if code_count > MANY_CODES and 0 < unused <= FEW_UNUSED:
            yield f"a Huffman table made for the picture has {code_count} codes, of which {unused} are not used"


def _grey(mean: int, quant: int) -> int:
    """Return the grey that a decoder makes of a block's mean alone."""
    return min(255, max(0, ((int(mean) * quant + 4) >> 3) + 128))


def _odd_means(count: int) -> Iterator[str]:
    if count:
        yield f"{count} blocks are a little darker than black or brighter than white"


def _odd_samples(excess: int) -> Iterator[str]:
    if excess > OUT_OF_RANGE:
        yield f"a block has samples out of range by {excess / 1000:.1f} times what rounding explains"
