"""Pack a tally, without its findings, into bytes that hold no code, for a file that a later run reads.

The file may come from anywhere, so nothing in it is unpickled. Integers may have any size, since the sums are exact.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Annotated, Literal

import msgspec

from datacheck.checks.whole_store import LabelRuns, WholeStore
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.numbered_keys import Packed, Pattern
from datacheck.conventions.keys.runs import Runs, Span
from datacheck.conventions.keys.sequences import Sequences
from datacheck.reporting.tally import Tally
from datacheck.statistics.exact_sums import FieldStatistics

Hex = Annotated[str, msgspec.Meta(pattern="^-?[0-9a-f]+$", max_length=3000)]
"""An integer in hexadecimal, of any size that Python prints."""
Natural = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
"""A number of records, or of things in them: so small that no sum of such numbers can overflow."""
Numbers = tuple[Annotated[str, msgspec.Meta(pattern="^[<>|][iu][1248]$")], bytes]
"""Labels: their NumPy dtype, and their bytes."""
Histogram = dict[int, int] | list[tuple[Hex, int]] | None
"""The count of each label, in an order that is significant if labels come in runs; pairs if a label is huge."""
LARGEST = 1 << 63


class _Statistics(msgspec.Struct, frozen=True, array_like=True):
    centre: float
    sums: bool
    count: Natural
    minimum: float | Hex
    maximum: float | Hex
    total: Hex
    squares: Hex
    overflow: bool
    label: bool
    missing: Natural
    counts: Histogram
    sides: list[tuple[int, int, int]]


class _Numbers(msgspec.Struct, frozen=True, array_like=True):
    before: bytes
    after: bytes
    width: int
    spans: list[Span] | None
    """None if the numbers lie in too many pieces."""
    binary: Literal["", "big", "little"] = ""
    """The byte order of keys that are packed numbers."""


class _Account(msgspec.Struct, frozen=True, array_like=True):
    records: int
    own: int
    numbers: list[_Numbers]
    stems: list[tuple[bytes, int, int, int]]
    whole: int
    parts: list[tuple[bytes, list[Span]]]
    many: bool
    names: tuple[int, int, int] = (0, 0, 0)


class _Whole(msgspec.Struct, frozen=True, array_like=True):
    runs: dict[str, Histogram]
    constants: dict[str, Natural]
    records: dict[str, Natural]
    labelled: Natural = 0
    trailing: dict[str, Natural] = {}


class _Tally(msgspec.Struct, frozen=True, array_like=True):
    complete: bool
    records: Natural
    checked: Natural
    verdicts: dict[str, Natural]
    codes: dict[str, Natural]
    ignored: dict[str, Natural]
    unknown: dict[str, Natural]
    account: dict[str, int]
    keys: dict[str, _Account]
    statistics: dict[str, _Statistics]
    labels: list[Numbers]
    whole: _Whole


def packed(tally: Tally) -> bytes:
    """Return a tally, without its findings, as bytes."""
    return msgspec.msgpack.encode(
        _Tally(
            tally.complete,
            tally.records,
            tally.checked,
            tally.verdicts,
            tally.codes,
            tally.ignored,
            tally.unknown,
            tally.account,
            {part: _packed_account(it) for part, it in tally.keys.items()},
            {name: _packed_statistics(it) for name, it in tally.statistics.items()},
            tally.labels,
            _Whole(
                {part: _pack_counts(it.counts) for part, it in tally.whole.runs.items()},
                tally.whole.constants,
                tally.whole.records,
                tally.whole.labelled,
                tally.whole.trailing,
            ),
        )
    )


def unpacked(raw: bytes) -> Tally:
    """Return the tally in some bytes, without findings. Raises msgspec.DecodeError or ValueError if there is none."""
    try:
        it = msgspec.msgpack.decode(raw, type=_Tally)
    except RecursionError as exc:  # data after the last field is skipped, however deeply nested
        raise ValueError(str(exc)) from exc
    if any(len(data) % int(dtype[2:]) for dtype, data in it.labels):
        raise ValueError("labels of which a part is missing")
    runs = {part: LabelRuns(_unpack_counts(pairs)) for part, pairs in it.whole.runs.items()}
    return Tally(
        it.complete,
        it.records,
        it.checked,
        Counter(it.verdicts),
        Counter(it.codes),
        Counter(it.ignored),
        Counter(it.unknown),
        Counter(it.account),
        {part: _unpacked_account(keys) for part, keys in it.keys.items()},
        {name: _unpacked_statistics(statistics) for name, statistics in it.statistics.items()},
        labels=it.labels,
        whole=WholeStore(
            runs,
            Counter(it.whole.constants),
            Counter(it.whole.records),
            it.whole.labelled,
            Counter(it.whole.trailing),
        ),
    )


def _packed_statistics(it: FieldStatistics) -> _Statistics:
    """Return the statistics of a field; counts are sorted, so that the bytes do not depend on the order of records."""
    return _Statistics(
        it.centre,
        it.sums,
        it.count,
        _pack_number(it.minimum),
        _pack_number(it.maximum),
        f"{it.total:x}",
        f"{it.squares:x}",
        it.overflow,
        it.label,
        it.missing,
        _pack_counts(it.counts and dict(sorted(it.counts.items()))),
        [(side, size, count) for (side, size), count in sorted(it.sides.items())],
    )


def _unpacked_statistics(it: _Statistics) -> FieldStatistics:
    statistics = FieldStatistics(
        it.centre,
        it.sums,
        it.count,
        _unpack_number(it.minimum),
        _unpack_number(it.maximum),
        int(it.total, 16),
        int(it.squares, 16),
        it.overflow,
        it.label,
        it.missing,
        _unpack_counts(it.counts),
        Counter({(side, size): count for side, size, count in it.sides}),
    )
    try:
        statistics.summary()
    except OverflowError as exc:
        raise ValueError("sums that no values have") from exc
    if not math.isfinite(statistics.centre):
        raise ValueError("sums about what is no number")
    return statistics


def _pack_number(value: float | int) -> float | str:
    """Return a least or greatest value, as text if it is an integer: reports tell integers from floats."""
    return f"{value:x}" if isinstance(value, int) else value


def _unpack_number(value: float | str) -> float | int:
    return int(value, 16) if isinstance(value, str) else value


def _pack_counts(counts: dict[int, int] | None) -> Histogram:
    if not counts or (min(counts) >= -LARGEST and max(counts) < LARGEST):
        return counts
    return [(f"{label:x}", count) for label, count in counts.items()]


def _unpack_counts(pairs: Histogram) -> dict[int, int] | None:
    return {int(label, 16): count for label, count in pairs} if isinstance(pairs, list) else pairs


def _packed_account(it: Account) -> _Account:
    spread = [*it.numbers.items(), *((pattern, None) for pattern in it.scattered)]
    return _Account(
        it.records,
        it.own,
        [
            _Numbers(
                *(pattern.before, pattern.after, pattern.width, None if runs is None else runs.spans),
                binary=("little" if pattern.little else "big") if isinstance(pattern, Packed) else "",
            )
            for pattern, runs in spread
        ],
        [(ending, *counts) for ending, counts in it.stems.items()],
        it.sequences.whole,
        [(stem, runs.spans) for stem, runs in it.sequences.parts.items()],
        it.sequences.many,
        it.names,
    )


def _pattern(of: _Numbers) -> Pattern:
    if of.binary:
        return Packed(of.before, of.after, of.width, little=of.binary == "little")
    return Pattern(of.before, of.after, of.width)


def _unpacked_account(it: _Account) -> Account:
    numbers = {_pattern(one): one.spans for one in it.numbers}
    return Account(
        it.records,
        it.own,
        {pattern: Runs(spans) for pattern, spans in numbers.items() if spans is not None},
        {pattern for pattern, spans in numbers.items() if spans is None},
        {ending: (count, one, other) for ending, count, one, other in it.stems},
        Sequences(it.whole, {stem: Runs(spans) for stem, spans in it.parts}, it.many),
        it.names,
    )
