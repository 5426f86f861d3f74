"""Check files of Neurodata Without Borders: tables with a dataset for each column, and series with their timestamps.

What is not known of a trial, a unit or an electrode is NaN in its column, and so is the place of an animal that was not
seen. The recorded signals and the times of spikes have no such values.
See https://nwb-schema.readthedocs.io and https://hdmf-common-schema.readthedocs.io.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

VERSION, COLUMNS, TYPE = b"nwb_version", b"colnames", b"neurodata_type"
PLACES, EVENTS = "SpatialSeries", b"spike_times"
DATA, TIMES, IDS, INDEX = b"data", b"timestamps", b"id", b"_index"
REGION = "DynamicTableRegion"
ELECTRODES, OF_ELECTRODES = b"/general/extracellular_ephys/electrodes/id", b"electrodes"


def is_nwb(look: Looking) -> bool:
    return VERSION in look.names(b"")


def marks_missing(dataset: Dataset, look: Looking) -> bool:
    """Check whether NaN in a dataset of such a file says that something is not known."""
    group, _, name = dataset.path.rpartition(b"/")
    if COLUMNS in look.names(group):
        return name != EVENTS
    return name == DATA and look.text(group, TYPE) == PLACES


def findings(groups: Sequence[tuple[bytes, Sequence[Dataset]]], look: Looking) -> Iterator[Finding]:
    """Yield findings for columns and timestamps of another number than what they are of, and for lost electrodes."""
    if not is_nwb(look):
        return
    by_path = {it.path: it for _, some in groups for it in some}
    electrodes = by_path.get(ELECTRODES)
    for group, some in groups:
        by_name = {it.name: it for it in some if it.shape}
        if IDS in by_name and COLUMNS in look.names(group):
            yield from _columns(by_name, look.texts(group, COLUMNS))
        data, times, numbers = (by_name.get(it) for it in (DATA, TIMES, OF_ELECTRODES))
        if data is not None and times is not None and _are_unequal(data, times) and look.text(group, TYPE):
            yield _unequal(data, times)
        if numbers is not None and electrodes is not None and look.text(numbers.path, TYPE) in ("", REGION):
            yield from _electrodes(numbers, electrodes.rows, look)


def _are_unequal(data: Dataset, times: Dataset) -> bool:
    """Check whether there are times for another number of rows; a series in a video beside the file has no data."""
    return data.rows > 0 and times.rows > 0 and times.rows not in data.shape[:2]


def _columns(by_name: Mapping[bytes, Dataset], names: Sequence[str]) -> Iterator[Finding]:
    ids = by_name[IDS]
    for name in names:
        column = by_name.get(name.encode("utf-8", "surrogateescape"))
        while column is not None and column.name + INDEX in by_name:  # it has where the values of each row end
            column = by_name[column.name + INDEX]
        if column is not None and column.rows != ids.rows:
            yield _unequal(ids, column)


def _unequal(some: Dataset, other: Dataset) -> Finding:
    rows = {escape(it.path): it.rows for it in (some, other)}
    (first, one), (second, two) = rows.items()
    text = f"{first} has {counted(one, 'row')}, {second} has {two:,}; they belong together"
    return found("row-count", text, rows=rows)


def _electrodes(dataset: Dataset, count: int, look: Looking) -> Iterator[Finding]:
    numbers = look.values(dataset) if dataset.dtype.kind in "iu" and len(dataset.shape) == 1 else None
    if numbers is None or not numbers.size or int(numbers.max()) < count:
        return
    at, path = int(numbers.argmax()), escape(dataset.path)
    text = f"{path}[{at}] is electrode {int(numbers[at]):,}, and there are {count:,}"
    yield found("dangling", text, field=dataset.title, dataset=path, row=at, number=int(numbers[at]))
