"""The checks: small frozen values that look at a batch and yield what is wrong with which of its records.

A validator is called with a `Batch` and yields `(position in the batch, Finding)`. Your own is passed to
`datacheck.scan(..., validators=[...])`; it must be importable or picklable, since workers run it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datacheck.batch import Batch
from datacheck.model import Finding, found

Findings = Iterator[tuple[int, Finding]]
HALF_MAXIMUM = 65504.0
"""The largest finite float16."""


class Validator(Protocol):
    """Judges the records of a batch."""

    def __call__(self, batch: Batch) -> Findings:
        """Yield the position in the batch, and what is wrong, of each record that is."""
        ...


@dataclass(frozen=True)
class Finite:
    """No value is NaN or infinite; NaN may mean "missing" in the fields of `allow_nan`."""

    allow_nan: tuple[str, ...] = ()

    def __call__(self, batch: Batch) -> Findings:
        if not batch.floating or batch.label or not batch.values.size:
            return
        allowed = batch.field in self.allow_nan
        for at in np.flatnonzero(~(np.isfinite(batch.lows) & np.isfinite(batch.highs))):
            record = batch.values[at]
            if not allowed and (nan := np.isnan(record)).any():
                yield int(at), _counted("nan", "NaN", batch.field, nan)
            if (infinite := np.isinf(record)).any():
                yield int(at), _counted("inf", "infinite", batch.field, infinite)


@dataclass(frozen=True)
class Range:
    """Every finite value of `field` (None: of all fields but labels) lies between `low` and `high`, inclusive."""

    low: float | None = None
    high: float | None = None
    field: str | None = None

    def __call__(self, batch: Batch) -> Findings:
        if not batch.values.size or (batch.label if self.field is None else batch.field != self.field):
            return
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        for at in np.flatnonzero(~((batch.lows >= low) & (batch.highs <= high))):
            record = batch.values[at]
            outside = ((record < low) | (record > high)) & np.isfinite(record)
            if outside.any():
                yield int(at), self._outside(batch.field, record, outside)

    def _outside(self, name: str, record: NDArray[Any], outside: NDArray[Any]) -> Finding:
        finite = record[np.isfinite(record)]
        least, most = finite.min().item(), finite.max().item()
        count, first = _where(outside)
        return found(
            "out-of-range",
            f"{count} of {record.size} values outside {self}, minimum {least:g}, maximum {most:g}, first at {first}",
            field=name,
            min=least,
            max=most,
            count=count,
            first=first,
        )

    def __str__(self) -> str:
        low = "-inf" if self.low is None else f"{self.low:g}"
        high = "inf" if self.high is None else f"{self.high:g}"
        return f"{low} to {high}"


@dataclass(frozen=True)
class Shape:
    """Every record has this shape, or the shape most records have; encoded pictures may then vary in size."""

    shape: tuple[int, ...] | None = None

    def __call__(self, batch: Batch) -> Findings:
        if batch.label:
            return
        wanted = self.shape
        if wanted is None and not batch.encoded and batch.expected is not None:
            wanted = batch.expected.shape
        if wanted is None or batch.shape == wanted:
            return
        finding = found(
            "shape",
            f"shape {list(batch.shape)}, expected {list(wanted)}",
            field=batch.field,
            found=list(batch.shape),
            expected=list(wanted),
        )
        for at in range(len(batch.rows)):
            yield at, finding


@dataclass(frozen=True)
class Label:
    """Every label is there and finite and, if bounds are given, an integer between `low` and `high`, inclusive."""

    low: int | None = None
    high: int | None = None

    def __call__(self, batch: Batch) -> Findings:
        if not batch.label or not batch.values.size:
            return
        values = batch.values.reshape(len(batch.rows), -1)
        wrong = ~np.isfinite(values) if batch.floating else np.zeros(values.shape, bool)
        if self.low is not None or self.high is not None:
            with np.errstate(invalid="ignore"):
                wrong |= (values < _or(self.low, -np.inf)) | (values > _or(self.high, np.inf))
                wrong |= values != np.floor(values)
        for at in np.flatnonzero(wrong.any(axis=1)):
            yield int(at), self._wrong(batch.field, values[at][wrong[at]][0].item())
        if batch.format == "Datum" and self.low is None and self.high is None:
            for at in np.flatnonzero((values < 0).any(axis=1)):
                label = int(values[at].min())
                yield (
                    int(at),
                    found("label", f"label {label} is negative", field=batch.field, verdict="suspicious", label=label),
                )

    def _wrong(self, name: str, label: float) -> Finding:
        bounds = Range(self.low, self.high)
        expected = "a finite number" if self.low is None and self.high is None else f"an integer, {bounds}"
        text = f"{label:g}"
        return found("label", f"label {text}, expected {expected}", field=name, label=text)


@dataclass(frozen=True)
class Format:
    """Every record is stored in the format most records have (a PNG among JPEGs, CMYK, 16 bit, animated stand out)."""

    def __call__(self, batch: Batch) -> Findings:
        if batch.expected is None or batch.label or batch.format == batch.expected.format:
            return
        finding = found(
            "wrong-format",
            f"{batch.format}, most others are {batch.expected.format}",
            field=batch.field,
            found=batch.format,
            expected=batch.expected.format,
        )
        for at in range(len(batch.rows)):
            yield at, finding


@dataclass(frozen=True)
class Constant:
    """Not every value of a record is the same: normalising such a record divides by zero."""

    def __call__(self, batch: Batch) -> Findings:
        if batch.label or batch.unseen or batch.width < 3 or not batch.values.size:
            return
        for at in np.flatnonzero(batch.lows == batch.highs):
            value = batch.lows[at].item()
            if value - value == 0:
                yield (
                    int(at),
                    found("constant", f"all {batch.width} values are {value:g}", field=batch.field, value=value),
                )


@dataclass(frozen=True)
class HalfOverflow:
    """No finite floating-point value lies beyond float16, where mixed-precision training makes it infinite."""

    def __call__(self, batch: Batch) -> Findings:
        if not batch.floating or batch.label or batch.values.dtype.itemsize <= 2 or not batch.values.size:
            return
        for at in np.flatnonzero(~((batch.lows >= -HALF_MAXIMUM) & (batch.highs <= HALF_MAXIMUM))):
            record = batch.values[at]
            beyond = np.isfinite(record) & (np.abs(record) > HALF_MAXIMUM)
            if beyond.any():
                yield int(at), self._beyond(batch.field, record, beyond)

    def _beyond(self, name: str, record: NDArray[Any], beyond: NDArray[Any]) -> Finding:
        count, first = _where(beyond)
        largest = np.abs(record[beyond]).max().item()
        return found(
            "half-overflow",
            f"{count} of {record.size} values beyond float16, largest {largest:g}, first at {first}",
            field=name,
            count=count,
            first=first,
            largest=largest,
        )


VALIDATORS: dict[str, type[Validator]] = {
    "finite": Finite,
    "range": Range,
    "shape": Shape,
    "label": Label,
    "format": Format,
    "constant": Constant,
    "half-overflow": HalfOverflow,
}
"""The checks by the name they have on the command line; a test compares their first lines with the README."""


def _where(wrong: NDArray[Any]) -> tuple[int, list[int]]:
    """Return how many values of one record are wrong, and the index of the first."""
    first = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return int(wrong.sum()), [int(place) for place in first]


def _counted(code: str, word: str, name: str, wrong: NDArray[Any]) -> Finding:
    count, first = _where(wrong)
    if not wrong.ndim:
        return found(code, f"the value is {word}", field=name, count=1, first=[])
    are = "is" if count == 1 else "are"
    return found(
        code, f"{count} of {wrong.size} values {are} {word}, first at {first}", field=name, count=count, first=first
    )


def _or(bound: float | None, default: float) -> float:
    return default if bound is None else bound
