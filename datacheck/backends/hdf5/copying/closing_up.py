"""New numbers for what a copy has left of samples that are called by number, be they groups or datasets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from datacheck.backends.hdf5.copying import dataset_numbers, group_attributes, group_numbers
from datacheck.backends.hdf5.copying.going import Going
from datacheck.backends.hdf5.samples import by_number
from datacheck.backends.hdf5.shard_parts import EACH
from datacheck.backends.hdf5.tables import Contents
from datacheck.model.escaping import escape
from datacheck.model.finding import named as called


def numbered(
    contents: Contents, made: Going, label: str | None, renumber: bool | None, values: dict[str, str]
) -> Iterator[tuple[str | None, str]]:
    """Yield the groups of a file in which those that are left get new numbers, and add that to the `values`.

    Before those in which datasets do is a star.
    """
    for above in {it.rpartition(b"/")[0] for it in made.samples} if not made.whole else ():
        if new := group_numbers.new_names(contents, made.samples, above, renumber=renumber):
            yield label, escape(above)
            last = escape(max(new.values(), key=by_number))
            values[called(f"{escape(above or b'/')}: the numbers of its groups", label)] = f"up to {last}"
    new = dataset_numbers.new_names(contents, single(contents, made)) if renumber is True and not made.whole else {}
    for above in {it.rpartition(b"/")[0] for it in new}:
        yield label, EACH + escape(above)
        last = escape(max((it for it in new.values() if it.rpartition(b"/")[0] == above), key=by_number))
        values[called(f"{escape(above or b'/')}: the numbers of its datasets", label)] = f"up to {last}"


def notes(contents: Contents, made: Going, label: str | None, renumber: bool | None) -> Iterator[str]:
    """Yield what a loader may miss that asks for each number."""
    if not made.whole:
        yield from dict.fromkeys(dataset_numbers.notes(contents, single(contents, made), label, renumber))
        yield from group_numbers.notes(contents, made.samples, label, renumber)


def losses(file: Path, contents: Contents, made: Going, renumber: bool | None) -> Iterator[str]:
    """Yield the attributes that would lead to other samples than before."""
    if not made.whole:
        yield from group_attributes.losses(file, contents, made.samples, single(contents, made), renumber)


def single(contents: Contents, made: Going) -> frozenset[bytes]:
    """Return the datasets that go, of those that are a record each."""
    return frozenset(dataset_numbers.single_datasets(contents, made.rows))
