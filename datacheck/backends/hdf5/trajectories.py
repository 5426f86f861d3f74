"""Simulations as The Well keeps them: fields with a row for each trajectory, and an attribute that counts these.

Each dataset says whether its first axis is that of the trajectories, and whether the next one is that of the times. The
loader takes the number of trajectories from the attribute n_trajectories, that of times from dimensions/time.
See https://polymathic-ai.org/the_well/data_format/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.looking import Looking
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

COUNT = b"n_trajectories"
VARYING, OF_TIME, OF_SPACE = b"sample_varying", b"time_varying", b"dim_varying"
TIME, AXES = b"/dimensions/time", b"spatial_dims"
FIELDS = (b"/t0_fields/", b"/t1_fields/", b"/t2_fields/")


@dataclass(frozen=True)
class Trajectories:
    """How many there are by the attribute, the datasets with a row for each, and those that say that they have none."""

    said: int
    rows: frozenset[bytes] = frozenset()
    others: frozenset[bytes] = frozenset()

    def there(self, heights: Mapping[bytes, int]) -> int | None:
        """Return how many trajectories there are where datasets have so many rows; None where they do not agree."""
        found = {heights[it] for it in self.rows if it in heights}
        return found.pop() if len(found) == 1 else None

    def losses(self, cut: Iterable[bytes]) -> Iterator[str]:
        """Yield the times and places among these datasets, which lose rows: the fields keep all of them."""
        for path in cut:
            if path in self.others:
                yield f"{escape(path)} is the same for all trajectories, whose fields keep a place for each of its rows"


def holds_fields(group: bytes) -> bool:
    """Say whether a group holds fields: those of one rank, t0_fields and so on, are no samples that are numbered."""
    return (group + b"/").startswith(FIELDS)


def trajectories(datasets: Sequence[Dataset], look: Looking) -> Trajectories | None:
    """Return what a file says of its trajectories, None where it holds no fields of The Well."""
    fields = [it for it in datasets if it.path.startswith(FIELDS)]
    said = look.number(b"", COUNT) if fields else None
    if said is None:
        return None
    flags = {it.path: _flags(it.path, look) for it in datasets if it.shape}
    return Trajectories(
        said,
        frozenset(path for path, its in flags.items() if its == (True,)),
        frozenset(path for path, its in flags.items() if its == (False,)),
    )


def _flags(path: bytes, look: Looking) -> tuple[bool, ...]:
    """Return the flag of a dataset, or of its group: masks of boundary conditions have it there."""
    return look.flags(path, VARYING) or look.flags(path.rpartition(b"/")[0], VARYING)


def findings(its: Trajectories | None, datasets: Mapping[bytes, Dataset], look: Looking) -> Iterator[Finding]:
    """Yield what is not as long as the file says that it is."""
    if its is None:
        return
    heights = {path: datasets[path].rows for path in sorted(its.rows) if path in datasets}
    there = its.there(heights)
    if there not in (None, its.said):
        text = f"/: {COUNT.decode()} says {its.said:,}, and there are {there:,} trajectories"
        yield found("count", text, attribute=COUNT.decode(), said=its.said, there=there)
    elif there is None and heights:
        odd = {escape(path): rows for path, rows in heights.items() if rows != its.said}
        spelled = ", ".join(f"{path} has {rows:,} rows" for path, rows in odd.items())
        yield found("row-count", f"{spelled}; {COUNT.decode()} says {its.said:,}", rows=odd)
    for dataset in datasets.values():
        if dataset.path.startswith(FIELDS) and dataset.path in its.rows | its.others:
            yield from _axes(dataset, datasets, look, varying=dataset.path in its.rows)


def _axes(dataset: Dataset, datasets: Mapping[bytes, Dataset], look: Looking, *, varying: bool) -> Iterator[Finding]:
    """Yield the axes of a field that are not as long as the times or places along them."""
    at = int(varying)
    along = [TIME] if look.flags(dataset.path, OF_TIME) == (True,) else []
    names = [b"/dimensions/" + it.encode() for it in look.texts(b"/dimensions", AXES)]
    there = look.flags(dataset.path, OF_SPACE)
    along += [name for name, flag in zip(names, there, strict=True) if flag] if len(names) == len(there) else []
    for axis, path in enumerate(along, at):
        of = datasets.get(path)
        if of is None or not of.shape or axis >= len(dataset.shape) or of.shape[-1] == dataset.shape[axis]:
            continue
        counts = {escape(dataset.path): dataset.shape[axis], escape(path): of.shape[-1]}
        (field, long), (dimension, short) = counts.items()
        text = f"axis {axis} of {field} is {long:,} long, and {dimension} is {short:,}"
        yield found("row-count", text, field=dataset.title, rows=counts)
