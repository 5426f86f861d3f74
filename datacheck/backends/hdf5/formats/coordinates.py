"""Check simulations of PDEBench: fields with a row for each of them, and a dataset of coordinates for each axis.

The axes of a field are the simulations, the times and the places. The coordinates of times may be the edges between
them, of which there is one more; the places are in the middle of their cells.
See https://github.com/pdebench/PDEBench.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more

ALONG = (b"x-coordinate", b"y-coordinate", b"z-coordinate")
TIME = b"t-coordinate"
BEFORE = 2
"""Number of the axes before the places: simulations and times."""


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
    usual = Counter(it.shape[:deep] for it in fields).most_common(1)[0][0]
    for odd in fields:
        if odd.shape[:deep] != usual:
            text = f"{escape(odd.path)} has the shape {odd.shape}, and the other fields {usual}"
            yield found("row-count", text, rows={escape(it.path): it.rows for it in fields})
    wrong = [it for at, it in enumerate(places, BEFORE) if it.rows not in (usual[at], usual[at] + 1)]
    sizes = sorted(usual[BEFORE:])
    if wrong and sorted(it.rows for it in places) not in (sizes, [it + 1 for it in sizes]):
        names = and_more([f"{escape(it.path)} has {it.rows:,} values" for it in wrong], len(wrong))
        yield found("row-count", f"{names}, and the fields are of {usual[BEFORE:]} places", rows=_rows(wrong, fields))
    if len(time.shape) == 1 and time.rows not in (usual[1], usual[1] + 1):
        text = f"{escape(time.path)} has {time.rows:,} values, and the fields are of {usual[1]:,} times"
        yield found("row-count", text, rows=_rows([time], fields))


def _rows(axes: list[Dataset], fields: list[Dataset]) -> dict[str, int]:
    return {escape(it.path): it.rows for it in (*axes, fields[0])}
