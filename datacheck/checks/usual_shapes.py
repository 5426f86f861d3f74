"""Compare the shapes of arrays that vary in some axes, and those of labels, with those of nearly all other records."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from datacheck.model.batch import Batch
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found


def findings_of_labels(batch: Batch) -> Iterator[tuple[int, Finding]]:
    """Yield the records whose label is an array of another shape where nearly all others have one in common.

    A list of whole numbers may have as many as there are objects, and is only suspicious.
    """
    wanted = None if batch.expected is None else batch.expected.shape
    if not batch.label or not batch.leaf or batch.path or wanted is None or prod(wanted) < 2 or not batch.shape:
        return
    if batch.format in ("", "text", "bytes", "other") or batch.shape == wanted:
        return
    verdict: Verdict | None = None if len(wanted) > 1 or batch.floating else "suspicious"
    shape, expected = list(batch.shape), list(wanted)
    text = f"shape {shape}, expected {expected}"
    for at in range(len(batch.rows)):
        yield at, found("shape", text, field=batch.field, verdict=verdict, found=shape, expected=expected)


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
