"""Compare the shapes of arrays that vary in some axes, and those of labels, with those of nearly all other records."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from datacheck.model.batch import Batch
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found
from datacheck.model.measured import SHORTEST

SHAPELESS = frozenset({"text", "bytes", "other"})
"""Formats of parts of trees that are not compared by shape, even if the same part of other records has a shape."""
WITHOUT_SHAPE = SHAPELESS | {""}
"""Formats of fields that have the shape (0,) only because they have no values, such as bytes."""


def findings_of_labels(batch: Batch) -> Iterator[tuple[int, Finding]]:
    """Yield the records whose label is an array of another shape where nearly all others have one in common.

    It is only suspicious if it may be meant: see `_may_be_meant`.
    """
    wanted = None if batch.expected is None else batch.expected.shape
    if not batch.label or not batch.leaf or batch.path or wanted is None or prod(wanted) < 2 or not batch.shape:
        return
    if batch.format in WITHOUT_SHAPE or batch.shape == wanted:
        return
    verdict: Verdict | None = "suspicious" if _may_be_meant(batch.shape, wanted, whole=not batch.floating) else None
    shape, expected = list(batch.shape), list(wanted)
    text = f"shape {shape}, expected {expected}"
    for at in range(len(batch.rows)):
        yield at, found("shape", text, field=batch.field, verdict=verdict, found=shape, expected=expected)


def _may_be_meant(shape: tuple[int, ...], usual: tuple[int, ...], *, whole: bool) -> bool:
    """Check whether a label has another number of objects, or the size of another picture, where most have the same.

    Boxes have a row for each object, or lie behind each other in one row, and so may classes; masks are as large as
    their pictures, which may vary.

    >>> _may_be_meant((2, 4), (1, 4), whole=False), _may_be_meant((8,), (4,), whole=False)
    (True, True)
    >>> _may_be_meant((640, 480), (480, 640), whole=True), _may_be_meant((9,), (10,), whole=False)
    (True, False)
    """
    if len(shape) != len(usual):
        return 0 in shape
    if len(usual) == 1:
        return whole or shape[0] % usual[0] == 0
    return shape[1:] == usual[1:] or (whole and len(usual) == 2 and min(*shape, *usual) > SHORTEST)


def findings_of_axes(batch: Batch, axes: tuple[int | None, ...]) -> Iterator[tuple[int, Finding]]:
    """Yield the records whose array has another size where nearly all others, which vary otherwise, have the same.

    One of another number of axes may be meant.
    """
    shape = batch.shape
    alike = len(shape) == len(axes) and all(it in (None, at) for it, at in zip(axes, shape, strict=True))
    if batch.encoded or alike:
        return
    wanted = ", ".join("any" if it is None else str(it) for it in axes)
    text = f"shape {list(shape)}, expected [{wanted}] as nearly all others have it"
    verdict: Verdict | None = None if len(shape) == len(axes) else "suspicious"
    finding = found("shape", text, field=batch.field, verdict=verdict, found=list(shape), expected=list(axes))
    for at in range(len(batch.rows)):
        yield at, finding
