"""Define the checks: small frozen values that judge a batch and yield what is wrong with which record.

A validator is called with a `Batch` and yields `(position in the batch, Finding)`. Pass your own to
`datacheck.scan(..., validators=[...])`; it must be importable or picklable, since workers run it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from datacheck.checks.floats import HALF_MAXIMUM, HUGE, not_of_one_scale, subnormal, zero_pages
from datacheck.checks.usual_shapes import SHAPELESS, findings_of_axes, findings_of_labels
from datacheck.checks.wrong_values import are_beyond, finding_of_values, wrong_records
from datacheck.errors import UsageError
from datacheck.model.batch import Batch
from datacheck.model.fill_names import tells_missing
from datacheck.model.finding import Finding, found
from datacheck.model.measured import has_more_things, is_signal, measured_longer
from datacheck.model.settings import Bounds, Settings

if TYPE_CHECKING:
    from datacheck.model.settings import Settings


Findings = Iterator[tuple[int, Finding]]


class Validator(Protocol):
    """Judges the records of a batch.

    One that has codes of its own may declare them in an attribute `codes`, so that a rebuild can be told to drop or to
    keep records by such a code even if none has it.
    """

    def __call__(self, batch: Batch) -> Findings:
        """Yield the position in the batch and the finding of each record that has something wrong."""
        ...


class BuiltIn:
    """A check of datacheck's own: a Validator that can be created from the settings of a scan."""

    @classmethod
    def asked_for(cls, settings: Settings) -> list[Self]:
        """Return the validators of this class that a scan with these settings runs: by default one, without options."""
        return [cls()]

    def __call__(self, batch: Batch) -> Findings:
        """Judge the records of a batch, as a Validator does."""
        raise NotImplementedError


@dataclass(frozen=True)
class Finite(BuiltIn):
    """No value is NaN or infinite; NaN may mean "missing" in the fields of `allow_nan`."""

    allow_nan: tuple[str, ...] = ()

    @classmethod
    def asked_for(cls, settings: Settings) -> list[Self]:
        return [cls(settings.allow_nan)]

    def __call__(self, batch: Batch) -> Findings:
        if not batch.floating or batch.label or not batch.values.size or batch.all_finite:
            return
        if batch.leaf and tells_missing(batch.field, batch.shape):
            return
        allowed = any(map(batch.called, self.allow_nan))
        suspects = np.flatnonzero(~(np.isfinite(batch.lows) & np.isfinite(batch.highs)))
        for code, word, wrong in (("nan", "NaN", np.isnan), ("inf", "infinite", np.isinf)):
            if not (allowed and code == "nan"):
                missing = batch.missing if code == "nan" else None
                for at, _, count, first in wrong_records(batch, suspects, wrong, missing):
                    yield at, finding_of_values(code, word, batch, count, first)


@dataclass(frozen=True)
class Range(BuiltIn):
    """Every finite value of `field` (None: of all fields but labels) lies between `low` and `high`, inclusive."""

    low: float | None = None
    high: float | None = None
    field: str | None = None

    @classmethod
    def asked_for(cls, settings: Settings) -> list[Self]:
        return [cls(it.low, it.high, it.field) for it in settings.range or ()]

    def __call__(self, batch: Batch) -> Findings:
        if not batch.values.size or (batch.label if self.field is None else not batch.called(self.field)):
            return
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        limits = np.iinfo(batch.values.dtype) if batch.values.dtype.kind in "ui" else None
        if limits is not None and low <= limits.min and limits.max <= high:
            return
        if low <= batch.extremes[0] and batch.extremes[1] <= high:
            return
        suspects = np.flatnonzero(~((batch.lows >= low) & (batch.highs <= high)))
        bounds = str(self)
        for at, record, count, first in wrong_records(batch, suspects, partial(are_beyond, low=low, high=high)):
            yield at, self._finding_of(batch.field, record, count, first, bounds)

    def _finding_of(self, name: str, record: NDArray[Any], count: int, first: list[int], bounds: str) -> Finding:
        finite = record[np.isfinite(record)]
        low, high = finite.min().item(), finite.max().item()
        return found(
            "out-of-range",
            f"{count} of {record.size} values outside {bounds}, minimum {low:g}, maximum {high:g}, first at {first}",
            field=name,
            min=low,
            max=high,
            count=count,
            first=first,
        )

    def __str__(self) -> str:
        low = "-inf" if self.low is None else f"{self.low:g}"
        high = "inf" if self.high is None else f"{self.high:g}"
        return f"{low} to {high}"


@dataclass(frozen=True)
class Shape(BuiltIn):
    """Every record has this shape, or the shape most records have; encoded pictures may then vary in size.

    Pictures whose keys give their size, as in 64-00012, must have that size if nearly all of them do.
    """

    shape: tuple[int, ...] | None = None

    @classmethod
    def asked_for(cls, settings: Settings) -> list[Self]:
        return [cls(settings.shape)]

    def __call__(self, batch: Batch) -> Findings:
        if batch.label or batch.format in SHAPELESS:
            yield from findings_of_labels(batch)
            return
        wanted = self.shape
        if wanted is None and batch.expected is not None:
            size = batch.expected.size
            if not batch.encoded:
                wanted = batch.expected.shape
                if batch.leaf and wanted is not None and 0 in wanted:
                    wanted = None  # texts have none, and a list without items tells nothing about its items
            elif size is not None:
                wanted = (*batch.shape[:1], size, size)
        if wanted is None and batch.expected is not None and batch.expected.axes and batch.values.size:
            yield from findings_of_axes(batch, batch.expected.axes)
        if wanted is None or batch.shape == wanted:
            return
        if self.shape is None and batch.path and measured_longer(batch.shape, wanted):
            return  # measured lengths may differ between files; `findings_of_files` reports those that must not
        may_be_meant = bool(batch.path) and is_signal(batch.shape, wanted)
        may_be_meant |= batch.leaf and has_more_things(batch.shape, wanted)
        finding = found(
            "shape",
            f"shape {list(batch.shape)}, expected {list(wanted)}",
            field=batch.field,
            verdict="suspicious" if may_be_meant and self.shape is None else None,
            found=list(batch.shape),
            expected=list(wanted),
        )
        for at in range(len(batch.rows)):
            yield at, finding


@dataclass(frozen=True)
class Label(BuiltIn):
    """Every label is there and finite and, if bounds are given, an integer between `low` and `high`, inclusive.

    NaN may mean "missing" in the fields of `allow_nan`. Values that a store declares to be missing are accepted in maps
    of labels, but not as the only label of a record.
    """

    low: int | None = None
    high: int | None = None
    allow_nan: tuple[str, ...] = field(default=(), kw_only=True)

    @classmethod
    def asked_for(cls, settings: Settings) -> list[Self]:
        bounds = settings.labels or Bounds()
        return [cls(_int_or_none(bounds.low), _int_or_none(bounds.high), allow_nan=settings.allow_nan)]

    def __call__(self, batch: Batch) -> Findings:
        if not batch.label or not batch.values.size:
            return
        if batch.values.dtype.kind == "S":
            yield from self._check_words(batch)
            return
        values = batch.values.reshape(len(batch.rows), -1)
        wrong = ~np.isfinite(values) if batch.floating else np.zeros(values.shape, bool)
        if self.low is not None or self.high is not None:
            with np.errstate(invalid="ignore"):
                wrong |= (values < _bound_or(self.low, -np.inf)) | (values > _bound_or(self.high, np.inf))
                wrong |= values != np.floor(values)
        if batch.floating and any(map(batch.called, self.allow_nan)):
            wrong &= ~np.isnan(values)
        if batch.missing is not None and values.shape[1] > 1:
            wrong &= ~batch.missing.reshape(values.shape)
        if wrong.any():
            yield from self._wrong_labels(batch, values, wrong)
        if batch.format == "Datum" and self.low is None and self.high is None:
            rows = np.flatnonzero(batch.lows < 0)
            for at, low in zip(rows.tolist(), batch.lows[rows].tolist(), strict=True):
                text = f"label {low} is negative"
                yield at, found("label", text, field=batch.field, verdict="suspicious", label=low)

    def _wrong_labels(self, batch: Batch, values: NDArray[Any], wrong: NDArray[np.bool_]) -> Findings:
        """Report the first wrong value of each record that has one; records are the rows of both arrays."""
        rows = np.flatnonzero(wrong.any(axis=1))
        firsts = values[rows, wrong[rows].argmax(axis=1)].tolist()
        expected = "a finite number" if self.low is None and self.high is None else self._expected
        findings: dict[float, Finding] = {}
        for at, label in zip(rows.tolist(), firsts, strict=True):
            if label not in findings:
                declared = label != label and batch.missing is not None and bool(batch.missing[at].any())
                text = "missing, as the store declares" if declared else f"{label:g}"
                findings[label] = found("label", f"label {text}, expected {expected}", field=batch.field, label=text)
            yield at, findings[label]

    @property
    def _expected(self) -> str:
        return f"an integer, {Range(self.low, self.high)}"

    def _check_words(self, batch: Batch) -> Findings:
        """Report labels that are words if bounds are given; without bounds, labels need not be numbers."""
        if self.low is None and self.high is None:
            return
        for at, raw in enumerate(batch.values.tolist()):
            word = raw.decode("utf-8", "replace")
            yield at, found("label", f"label {word!r}, expected {self._expected}", field=batch.field, label=word)


@dataclass(frozen=True)
class Format(BuiltIn):
    """Every record is stored in the format most records have (a PNG among JPEGs, CMYK, 16 bit, animated stand out)."""

    def __call__(self, batch: Batch) -> Findings:
        expected = batch.expected
        if expected is None or batch.label:
            return
        actual, wanted = batch.format, expected.format
        if actual == wanted and batch.encoded and expected.channels not in (None, batch.shape[0]):
            actual, wanted = (f"{wanted} {_colours(it)}" for it in (batch.shape[0], expected.channels or 0))
        if actual == wanted:
            return
        if batch.leaf and not (batch.encoded and expected.format):  # the decoder has compared its format
            return
        finding = found(
            "wrong-format",
            f"{actual}, most others are {wanted}",
            field=batch.field,
            found=actual,
            expected=wanted,
        )
        for at in range(len(batch.rows)):
            yield at, finding


@dataclass(frozen=True)
class Constant(BuiltIn):
    """Not every value of a record is the same: normalising such a record divides by zero."""

    def __call__(self, batch: Batch) -> Findings:
        if batch.label or batch.pixels_skipped or batch.few or not batch.values.size:
            return
        if batch.expected is not None and batch.expected.constant:
            return  # most records are constant: reported once for the store
        if batch.listing:
            return
        for at in np.flatnonzero(batch.constant):
            value = batch.values[at].reshape(-1)[0].item()
            if value - value == 0:
                yield (
                    int(at),
                    found("constant", f"all {batch.width} values are {value:g}", field=batch.field, value=value),
                )
        if batch.floating:
            for place, first, length in zero_pages(batch):
                index = [int(it) for it in np.unravel_index(first, batch.shape)]
                text = f"{length} values in a row are 0 from {index} on, nearly no others are: was a page lost?"
                yield place, found("unwritten", text, field=batch.field, first=index, count=length)


@dataclass(frozen=True)
class HalfOverflow(BuiltIn):
    """No finite floating-point value lies beyond float16, where mixed-precision training makes it infinite."""

    def __call__(self, batch: Batch) -> Findings:
        if not batch.floating or batch.label or batch.values.dtype.itemsize <= 2 or not batch.values.size:
            return
        least, greatest = batch.extremes
        if not -HALF_MAXIMUM <= least <= greatest <= HALF_MAXIMUM:
            yield from self._beyond(batch)
        for at in subnormal(batch).tolist():
            largest = max(batch.highs[at], -batch.lows[at]).item()
            text = f"no value is larger than {largest:g}, which float16 makes 0: were the bytes in the other order?"
            yield at, found("half-overflow", text, field=batch.field, count=batch.width, largest=largest)

    @staticmethod
    def _beyond(batch: Batch) -> Findings:
        """Report the records with values beyond float16."""
        suspects = np.flatnonzero(~((batch.lows >= -HALF_MAXIMUM) & (batch.highs <= HALF_MAXIMUM)))
        beyond = partial(are_beyond, low=-HALF_MAXIMUM, high=HALF_MAXIMUM)
        for at, record, count, first in wrong_records(batch, suspects, beyond):
            largest = np.abs(record[np.isfinite(record)]).max().item()
            if largest <= HUGE and batch.expected is not None and batch.expected.large:
                continue  # so are most records: reported once for the store
            text = f"{count} of {record.size} values beyond float16, largest {largest:g}, first at {first}"
            if largest > HUGE:
                text += not_of_one_scale(record, int(np.ravel_multi_index(first, batch.shape or (1,))) if first else 0)
            yield (
                at,
                found(
                    "half-overflow",
                    text,
                    field=batch.field,
                    count=count,
                    first=first,
                    largest=largest,
                ),
            )


VALIDATORS: dict[str, type[BuiltIn]] = {
    "finite": Finite,
    "range": Range,
    "shape": Shape,
    "label": Label,
    "format": Format,
    "constant": Constant,
    "half-overflow": HalfOverflow,
}
"""The checks by their names on the command line; a test compares the first lines of their docstrings with the
documentation."""


def _colours(channels: int) -> str:
    """Return the name of a picture type with this number of channels."""
    named = {1: "grey", 2: "grey and alpha", 3: "colour", 4: "colour and alpha"}
    return named.get(channels, f"of {channels} channels")


def _int_or_none(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _bound_or(bound: float | None, default: float) -> float:
    return default if bound is None else bound


def built_in(settings: Settings) -> list[Validator]:
    """Return datacheck's own validators that the settings ask for, in the order in which they run.

    Raises UsageError for a check that is not in VALIDATORS, so that no record is blamed for it.
    """
    for name in settings.checks:
        if name not in VALIDATORS:
            raise UsageError(f"no check is called {name!r}; there are {', '.join(VALIDATORS)}")
    return [validator for name in settings.checks for validator in VALIDATORS[name].asked_for(settings)]
