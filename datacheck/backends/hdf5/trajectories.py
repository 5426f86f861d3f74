"""Check simulations in the format of The Well: fields with a row per trajectory, and an attribute that counts these.

The attributes of each dataset say whether its first axis is that of the trajectories, and whether the next axis is that
of the times. The loader takes the number of trajectories from the attribute n_trajectories, and the number of times
from dimensions/time.
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
    """The trajectories of a file: their number by the attribute (`said`), the datasets with a row for each (`rows`).

    `others` are the datasets that declare themselves to be the same for all trajectories.
    """

    said: int
    rows: frozenset[bytes] = frozenset()
    others: frozenset[bytes] = frozenset()

    def there(self, heights: Mapping[bytes, int]) -> int | None:
        """Return the number of trajectories by the rows of the datasets (`heights`), or None if they do not agree."""
        found = {heights[it] for it in self.rows if it in heights}
        return found.pop() if len(found) == 1 else None

    def losses(self, cut: Iterable[bytes]) -> Iterator[str]:
        """Yield a sentence for each dataset that loses rows (`cut`) but is the same for all trajectories.

        These are times and places, of which the fields keep all.
        """
        for path in cut:
            if path in self.others:
                yield f"{escape(path)} is the same for all trajectories, whose fields keep a place for each of its rows"


def holds_fields(group: bytes) -> bool:
    """Check whether a group holds fields of one rank (t0_fields and so on); these groups are not numbered samples."""
    return (group + b"/").startswith(FIELDS)


def trajectories(datasets: Sequence[Dataset], look: Looking) -> Trajectories | None:
    """Return what a file declares about its trajectories, or None if it has no fields of The Well."""
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
    """Return the flags of a dataset, or else of its group, where masks of boundary conditions have them."""
    return look.flags(path, VARYING) or look.flags(path.rpartition(b"/")[0], VARYING)


def findings(its: Trajectories | None, datasets: Mapping[bytes, Dataset], look: Looking) -> Iterator[Finding]:
    """Yield a finding for each number of trajectories or axis that differs from what the file declares."""
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
    """Yield a finding for each axis of a field that is not as long as the times or places along it."""
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
