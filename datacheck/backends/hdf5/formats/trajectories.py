"""Check simulations in the format of The Well: fields with a row per trajectory, and an attribute that counts these.

The attributes of each dataset say whether its first axis is that of the trajectories, and whether the next axis is that
of the times. The loader takes the number of trajectories from the attribute n_trajectories, and the number of times
from dimensions/time.
See https://polymathic-ai.org/the_well/data_format/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted, there_are

COUNT = b"n_trajectories"
VARYING, OF_TIME, OF_SPACE = b"sample_varying", b"time_varying", b"dim_varying"
TIME, AXES = b"/dimensions/time", b"spatial_dims"
FIELDS = (b"/t0_fields/", b"/t1_fields/", b"/t2_fields/")


class Trajectories(msgspec.Struct, frozen=True):
    """The trajectories of a file: their number by the attribute (`said`), the datasets with a row for each (`rows`).

    `others` are the datasets that declare themselves to be the same for all trajectories.
    """

    said: int
    rows: frozenset[bytes] = frozenset()
    others: frozenset[bytes] = frozenset()

    def number(self, heights: Mapping[bytes, int]) -> int | None:
        """Return the number of trajectories by the rows of the datasets (`heights`), or None if they do not agree."""
        found = {heights[it] for it in self.rows if it in heights}
        return found.pop() if len(found) == 1 else None

    def losses(self, shortened: Iterable[bytes]) -> Iterator[str]:
        """Yield a sentence for each dataset that loses rows (`shortened`) but is the same for all trajectories.

        These are times and places, of which the fields keep all.
        """
        for path in shortened:
            if path in self.others:
                yield f"{escape(path)} is the same for all trajectories, whose fields keep a place for each of its rows"


def holds_fields(group: bytes) -> bool:
    """Check whether a group holds fields of one rank (t0_fields and so on); these groups are not numbered samples."""
    return (group + b"/").startswith(FIELDS)


def trajectories(datasets: Sequence[Dataset], look: Looking) -> Trajectories | None:
    """Return what a file declares about its trajectories, or None if it has no fields of The Well."""
    fields = [it for it in datasets if it.path.startswith(FIELDS)]
    declared = look.number(b"", COUNT) if fields else None
    if declared is None:
        return None
    flags = {it.path: _flags(it.path, look) for it in datasets if it.shape}
    return Trajectories(
        declared,
        frozenset(path for path, flag_values in flags.items() if flag_values == (True,)),
        frozenset(path for path, flag_values in flags.items() if flag_values == (False,)),
    )


def _flags(path: bytes, look: Looking) -> tuple[bool, ...]:
    """Return the flags of a dataset, or else of its group, where masks of boundary conditions have them."""
    return look.flags(path, VARYING) or look.flags(path.rpartition(b"/")[0], VARYING)


def findings(stated: Trajectories | None, datasets: Mapping[bytes, Dataset], look: Looking) -> Iterator[Finding]:
    """Yield a finding for each number of trajectories or axis that differs from what the file declares."""
    if stated is None:
        return
    heights = {path: datasets[path].rows for path in sorted(stated.rows) if path in datasets}
    actual = stated.number(heights)
    if actual not in (None, stated.said):
        text = f"/: {COUNT.decode()} says {stated.said:,}, and {there_are(actual, 'trajectory', 'trajectories')}"
        yield found("count", text, attribute=COUNT.decode(), said=stated.said, there=actual)
    elif actual is None and heights:
        odd = {escape(path): rows for path, rows in heights.items() if rows != stated.said}
        differing = ", ".join(f"{path} has {counted(rows, 'row')}" for path, rows in odd.items())
        yield found("row-count", f"{differing}; {COUNT.decode()} says {stated.said:,}", rows=odd)
    for dataset in datasets.values():
        if dataset.path.startswith(FIELDS) and dataset.path in stated.rows | stated.others:
            yield from _axes(dataset, datasets, look, varying=dataset.path in stated.rows)


def _axes(dataset: Dataset, datasets: Mapping[bytes, Dataset], look: Looking, *, varying: bool) -> Iterator[Finding]:
    """Yield a finding for each axis of a field that is not as long as the times or places along it."""
    at = int(varying)
    along = [TIME] if look.flags(dataset.path, OF_TIME) == (True,) else []
    names = [b"/dimensions/" + it.encode() for it in look.texts(b"/dimensions", AXES)]
    flags = look.flags(dataset.path, OF_SPACE)
    along += [name for name, flag in zip(names, flags, strict=True) if flag] if len(names) == len(flags) else []
    for axis, path in enumerate(along, at):
        coordinates = datasets.get(path)
        if (
            coordinates is None
            or not coordinates.shape
            or axis >= len(dataset.shape)
            or coordinates.shape[-1] == dataset.shape[axis]
        ):
            continue
        counts = {escape(dataset.path): dataset.shape[axis], escape(path): coordinates.shape[-1]}
        (field, long), (dimension, short) = counts.items()
        text = f"axis {axis} of {field} is {long:,} long, and {dimension} is {short:,}"
        yield found("row-count", text, field=dataset.title, rows=counts)
