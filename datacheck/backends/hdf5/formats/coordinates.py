"""Check simulations of PDEBench: fields with a row for each of them, and a dataset of coordinates for each axis.

The axes of a field are the simulations, the times and the places. The coordinates of times may be the edges between
them, of which there is one more; the places are in the middle of their cells.
See https://github.com/pdebench/PDEBench.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more, counted

ALONG = (b"x-coordinate", b"y-coordinate", b"z-coordinate")
TIME = b"t-coordinate"
BEFORE, THINNED = 2, 2
"""Number of the axes before the places (simulations and times), and how many times as many coordinates as places show
that the fields were thinned out."""


def findings(datasets: Mapping[bytes, Dataset]) -> Iterator[Finding]:
    """Yield findings for fields of another shape than the others, and for coordinates of another number than places."""
    places = [it for name in ALONG if (it := datasets.get(b"/" + name)) is not None and len(it.shape) == 1]
    time = datasets.get(b"/" + TIME)
    if not places or time is None:
        return
    deep = len(places) + BEFORE
    fields = [it for it in datasets.values() if it.path.count(b"/") == 1 and it.dtype.kind == "f"]
    fields = [it for it in fields if len(it.shape) in (deep, deep + 1)]
    if not fields:
        return
    counts = Counter(it.shape[:deep] for it in fields)
    usual = max(counts, key=lambda it: (counts[it], math.prod(it)))
    for odd in fields:
        differing = [one for one, other in zip(odd.shape, usual, strict=False) if one != other]
        if len(differing) == 1 and differing != [1]:  # others are of something else, such as the first of all times
            text = f"{escape(odd.path)} has the shape {odd.shape}, and the other fields {usual}"
            yield found("row-count", text, rows={escape(it.path): it.rows for it in fields})
    others = {size + more for it in fields for size in it.shape[1:] for more in (0, 1)}  # the axes have another order
    wrong = [it for at, it in enumerate(places, BEFORE) if it.rows not in (usual[at], usual[at] + 1)]
    wrong = [it for it in wrong if it.rows not in others]
    if wrong:
        names = and_more([f"{escape(it.path)} has {counted(it.rows, 'value')}" for it in wrong], len(wrong))
        text = f"{names}, and the fields are of {usual[BEFORE:]} places"
        yield _finding(text, wrong, fields, thinned=all(it.rows >= THINNED * max(usual[BEFORE:]) for it in wrong))
    if len(time.shape) == 1 and time.rows not in {usual[1], usual[1] + 1} | others:
        times = counted(usual[1], "time")
        text = f"{escape(time.path)} has {counted(time.rows, 'value')}, and the fields are of {times}"
        yield _finding(text, [time], fields, thinned=time.rows >= THINNED * usual[1])


def _finding(text: str, axes: list[Dataset], fields: list[Dataset], *, thinned: bool) -> Finding:
    """Return the finding for coordinates; they may be those of all places or times if the fields were thinned out."""
    rows = {escape(it.path): it.rows for it in (*axes, fields[0])}
    return found("row-count", text, verdict="suspicious" if thinned else None, rows=rows)
