"""Find row numbers in one file that may refer to another file of the folder which loses rows."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from datacheck.backends.hdf5.copying.pointing import indexes_rows, leads_into
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import library, opened
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.escaping import escape


def losses_of_other_files(reader: Hdf5Reader, losing: Mapping[int, Sequence[Table]]) -> Iterator[str]:
    """Yield a sentence for each dataset that may hold row numbers of another file which loses rows.

    For example, questions may have the row numbers of pictures.
    """
    if len(reader.files) < 2 or not any(losing.values()):
        return
    for number, file in enumerate(reader.files):
        contents = reader.contents(number)
        datasets = [it for table in contents.tables for it in table.datasets if indexes_rows(it)]
        extents = _extents(file, contents, datasets)
        for dataset in (it for it in datasets if it.path in extents):
            for other, tables in losing.items():
                names = reader.names[number] + " " + dataset.title, reader.names[other]
                for table in tables if other != number else ():
                    if leads_into(extents[dataset.path], table.rows, names):
                        where = f"{reader.names[number]}: {escape(dataset.path)}"
                        yield f"{where} may hold numbers of rows of {names[1]}:{table.name}, which would lead elsewhere"


def _extents(file: Path, contents: Contents, datasets: Collection[Dataset]) -> dict[bytes, tuple[int, int] | None]:
    """Return the smallest and the largest number of each dataset by path, or None if its chunks are too large to read.

    Datasets that cannot be read are left out.
    """
    extents: dict[bytes, tuple[int, int] | None] = {}
    if not datasets:
        return extents
    with contextlib.suppress(*TROUBLE), opened(file, contents.recovery) as handle:  # the scan has reported errors
        look = Looking(library(), handle.file.id, StepCounter({}))
        for dataset in datasets:
            if not look.fits(dataset):
                extents[dataset.path] = None
                continue
            ends = [(int(it.min()), int(it.max())) for it in look.pieces(dataset) if it.size]
            if ends:
                extents[dataset.path] = min(low for low, _ in ends), max(high for _, high in ends)
    return extents
