"""Renumber the numbered samples that remain in a copy, whether they are groups or datasets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from datacheck.backends.hdf5.copying import dataset_numbers, group_attributes, group_numbers
from datacheck.backends.hdf5.copying.dropped import Dropped
from datacheck.backends.hdf5.samples.samples import by_number
from datacheck.backends.hdf5.shard_parts import EACH
from datacheck.backends.hdf5.tables import Contents
from datacheck.model.escaping import escape
from datacheck.model.finding import full_name as called


def numbered(
    contents: Contents, dropped: Dropped, label: str | None, renumber: bool | None, values: dict[str, str]
) -> Iterator[tuple[str | None, str]]:
    """Yield the file's label and the path of each group whose remaining members get new numbers.

    The path has the prefix EACH if these members are datasets. The new ranges of numbers are added to `values`.
    """
    for above in sorted({it.rpartition(b"/")[0] for it in dropped.samples}) if not dropped.whole else ():
        if new := group_numbers.new_names(contents, dropped.samples, above, renumber=renumber):
            yield label, escape(above)
            last = escape(max(new.values(), key=by_number))
            values[called(f"{escape(above or b'/')}: the numbers of its groups", label)] = f"up to {last}"
    new = (
        dataset_numbers.new_names(contents, single(contents, dropped)) if renumber is True and not dropped.whole else {}
    )
    for above in sorted({it.rpartition(b"/")[0] for it in new}):
        yield label, EACH + escape(above)
        last = escape(max((it for it in new.values() if it.rpartition(b"/")[0] == above), key=by_number))
        values[called(f"{escape(above or b'/')}: the numbers of its datasets", label)] = f"up to {last}"


def notes(contents: Contents, dropped: Dropped, label: str | None, renumber: bool | None) -> Iterator[str]:
    """Yield a sentence for each gap in the numbers, which a loader that opens samples by number may run into."""
    if not dropped.whole:
        yield from dict.fromkeys(dataset_numbers.notes(contents, single(contents, dropped), label, renumber))
        yield from group_numbers.notes(contents, dropped.samples, label, renumber)


def losses(file: Path, contents: Contents, dropped: Dropped, renumber: bool | None) -> Iterator[str]:
    """Yield a sentence for each attribute that would lead to other samples than before."""
    if not dropped.whole:
        yield from group_attributes.losses(file, contents, dropped.samples, single(contents, dropped), renumber)


def single(contents: Contents, dropped: Dropped) -> frozenset[bytes]:
    """Return the paths of the dropped datasets among those that are one record each."""
    return frozenset(dataset_numbers.single_datasets(contents, dropped.rows))
