"""Detect floating-point values whose bytes are of another type, or were never written.

The costly checks run only if the bounds of a record, or one value of each of its pages, suggest a problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.model.batch import SeparateArrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.model.batch import Batch

HALF_MAXIMUM = 65504.0
"""Largest finite float16."""
HUGE, SMALL = 1e15, 1e-15
"""Values of one scale do not extend beyond both of these."""
GARBAGE = 0.05
"""If at least this share of the values lies beyond HUGE and SMALL, they are not of one scale."""
COMMON = (1e-6, 1e6)
"""Bounds within which nearly all values lie that are used for training."""
NEARLY_ALL = 0.99
PAGE = 4096
"""Size in bytes of the unit that disks, file systems and memory lose. Silence in sound is 0, too, but of any length."""
FEW = 0.001
"""Share of zeros outside a run above which zeros are ordinary values."""


def beyond_half(batch: Batch) -> NDArray[np.bool_]:
    """Return for each record of floats whether its least or greatest value is finite and beyond float16."""
    ends = np.stack([batch.lows, batch.highs])
    found: NDArray[np.bool_] = (np.isfinite(ends) & (np.abs(ends) > HALF_MAXIMUM)).any(axis=0)
    return found


def not_of_one_scale(record: NDArray[Any], first: int) -> str:
    """Return the likely cause of huge values in a record, as the end of a sentence; empty if there are few of them.

    `first` is the flat index of the first huge value. More than one other interpretation of the bytes may fit: values
    shifted by one byte have nearly the magnitudes that they have in the other byte order.
    """
    flat = record.reshape(-1)
    sizes = np.abs(flat[np.isfinite(flat) & (flat != 0)])
    share = float(((sizes > HUGE) | (sizes < SMALL)).mean()) if sizes.size else 0.0
    if share < GARBAGE:
        return ""
    text = f"; {100 * share:.0f} % of its values lie beyond {HUGE:g} or below {SMALL:g}"
    text += f", as if its bytes were no {flat.dtype.name}"
    readings = [
        f"{description} they are between {values.min():g} and {values.max():g}"
        for description, values in _other_readings(flat[first:])
        if _common(values)
    ]
    return f"{text}: {', '.join(readings)}" if readings else text


def _other_readings(flat: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the values under other interpretations of their bytes, each with its description."""
    item = flat.dtype.itemsize
    yield "in the other byte order", flat.byteswap()
    raw = np.ascontiguousarray(flat).view(np.uint8)
    wide = np.dtype("f8" if item == 4 else "f4").newbyteorder(flat.dtype.byteorder)
    for shift in (0, item):
        rest = raw[shift : shift + (len(raw) - shift) // wide.itemsize * wide.itemsize]
        yield f"as {wide.name}", rest.view(wide)
    for shift in range(1, item):
        rest = raw[shift : shift + (len(raw) - shift) // item * item]
        yield f"shifted by {shift} byte{'s' if shift > 1 else ''}", rest.view(flat.dtype)


def _common(values: NDArray[Any]) -> bool:
    """Check whether values are all finite, and nearly all of a common magnitude."""
    if not values.size or not np.isfinite(values).all():
        return False
    sizes = np.abs(values[values != 0])
    within = (sizes >= COMMON[0]) & (sizes <= COMMON[1])
    return bool(sizes.size) and bool(within.mean() >= NEARLY_ALL) and float(sizes.max()) <= HUGE


def subnormal(batch: Batch) -> NDArray[np.intp]:
    """Return the positions of records whose values are all subnormal or 0, but not all 0."""
    largest = np.maximum(batch.highs, -batch.lows)
    tiny = np.finfo(batch.values.dtype).tiny
    if np.minimum.reduce(largest) >= tiny:
        return np.empty(0, np.intp)
    return np.flatnonzero((largest > 0) & (largest < tiny))


def zero_pages(batch: Batch) -> Iterator[tuple[int, int, int]]:
    """Yield positions of records inside which a page or more is exactly 0, with the first flat index and the length.

    If other zeros are common in the record, zeros are ordinary values, and nothing is yielded. Nor are runs that begin
    or end with the record, or that are whole rows: those are padding, or a part that is missing on purpose.
    """
    step = PAGE // batch.values.dtype.itemsize
    size = batch.width * batch.values.dtype.itemsize
    if size < 3 * PAGE:
        return
    if isinstance(batch.values, SeparateArrays):
        suspects = [at for at, record in enumerate(batch.values) if not record.reshape(-1)[step::step].all()]
    else:
        samples = batch.values.reshape(len(batch.values), -1)[:, step::step]
        suspects = np.flatnonzero(~samples.all(axis=1)).tolist()
    for at in suspects:
        run = _lone_run(batch.values[at].reshape(-1), step)
        if run is not None and not _is_whole_rows(run, batch.shape):
            yield at, *run


def _lone_run(flat: NDArray[Any], step: int) -> tuple[int, int] | None:
    """Return start and length of a run of zeros of a page or more; None if there is none or other zeros are common."""
    zeros = flat == 0
    count = int(zeros.sum())
    if not step - 1 <= count <= len(flat) // 2:
        return None
    edges = np.flatnonzero(np.diff(zeros, prepend=False, append=False))
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    start, length = int(starts[longest]), int(stops[longest] - starts[longest])
    inside = start > 0 and start + length < len(flat)
    item = flat.dtype.itemsize
    pages = length * item % PAGE in (0, item, PAGE - item)  # the value at each end may lie only partly in the page
    lone = length >= step - 1 and count - length <= FEW * len(flat)
    return (start, length) if inside and pages and lone else None


def _is_whole_rows(run: tuple[int, int], shape: tuple[int, ...]) -> bool:
    """Check whether a run begins or ends at a boundary of any axis after the first."""
    start, length = run
    rows = {prod(shape[axis:]) for axis in range(1, len(shape))} - {1}
    return any(start % row == 0 or (start + length) % row == 0 for row in rows)


def finite_values(values: NDArray[Any]) -> NDArray[Any]:
    """Return the finite ones of some values; the array itself, which may be large, if all of them are."""
    with np.errstate(invalid="ignore"):
        return values if np.isfinite(values.sum(dtype=np.float64)) else values[np.isfinite(values)]
