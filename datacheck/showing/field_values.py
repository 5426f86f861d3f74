"""Describe the fields of one record as values, for programs. Runs in a worker."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from datacheck.decoders.pictures.picture import sniff
from datacheck.model.batch import Batch
from datacheck.model.escaping import plain
from datacheck.showing.fields import BRIEF_BYTES, FIRST, LETTERS, LINES, SHOWN_BYTES, Part
from datacheck.statistics.exact_sums import FieldStatistics
from datacheck.statistics.measure import measure

TEXTS = 3
"""Maximum number of texts of a list that are returned, unless the field is wanted in full."""


class FieldValues(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field of a record: its `name`, and what it holds.

    `format` is that of a picture as it is stored, or `text`, `bytes` and the like. An array has its `shape`, its
    `dtype` and the range of its finite values, a number its `value` (None if it is not finite). `texts` are the first
    of `count` texts, each cut to 200 characters. `head` are the first bytes in hexadecimal, of `bytes` that are stored.
    If the field is wanted in full, `values` are the first 16 of an array; those that are not finite are None.
    """

    name: str
    format: str = ""
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    value: float | int | None = None
    min: float | int | None = None
    max: float | int | None = None
    mean: float | None = None
    std: float | None = None
    values: tuple[float | int | None, ...] | None = None
    texts: tuple[str, ...] | None = None
    count: int | None = None
    head: str | None = None
    bytes: int | None = None


def values_of(entry: Batch | Part, *, full: bool) -> FieldValues:
    """Return what a field holds: an array, or a part that is none."""
    return _of_part(entry, full=full) if isinstance(entry, Part) else _of_array(entry, full=full)


def _of_array(batch: Batch, *, full: bool) -> FieldValues:
    statistics = FieldStatistics()
    measure(batch, statistics)
    summary = statistics.summary()
    name, dtype = batch.field, str(batch.values.dtype)
    if batch.shape == (0,) and batch.format:
        return FieldValues(name, batch.format)
    if batch.shape == ():
        return FieldValues(name, dtype=dtype, value=summary.min)
    first = tuple(map(_finite, batch.values[0].reshape(-1)[:FIRST].tolist())) if full else None
    return FieldValues(
        name,
        batch.format,
        shape=tuple(batch.shape),
        dtype=dtype,
        min=summary.min,
        max=summary.max,
        mean=summary.mean,
        std=summary.std,
        values=first,
    )


def _finite(number: Any) -> float | int | None:
    """Return a number as JSON can hold it, or None."""
    return number if isinstance(number, int | float) and math.isfinite(number) else None


def _of_part(part: Part, *, full: bool) -> FieldValues:
    size = None if part.raw is None else len(part.raw)
    if part.words is not None:
        texts = tuple(plain(it[:LETTERS]) for it in part.words[: LINES if full else TEXTS])
        return FieldValues(part.name, "text", texts=texts, count=len(part.words), bytes=size)
    if part.raw is not None:
        head = bytes(part.raw[: SHOWN_BYTES if full else BRIEF_BYTES]).hex(" ")
        return FieldValues(part.name, sniff(part.raw) or "bytes", head=head, bytes=size)
    return FieldValues(part.name, part.what)
