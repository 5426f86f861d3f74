"""Check attributes that count the rows of a sample, or on the parent of samples, all of their rows or the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from datacheck.backends.hdf5.names import DIGITS
from datacheck.backends.hdf5.paths import Paths
from datacheck.backends.hdf5.samples.samples import Family, Sample
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import there_are

STEPS = (b"num_samples", b"num_steps", b"n_steps", b"total_steps")
"""Attributes of a sample that hold its number of rows."""
BUDGET = b"total_steps"
"""Attribute with the rows of all samples, if a number of samples is beside it, or else with planned training steps."""
TOTALS = (b"total", BUDGET)
"""Attributes of the parent of samples that hold how many rows all of them have together."""
SAMPLES = (b"num_demos", b"n_demos", b"num_episodes", b"n_episodes", b"num_trajectories", b"total_episodes")
"""Attributes of the parent of samples that hold the number of samples."""
SURE = frozenset({b"/data"})
"""Groups whose counts certainly refer to this file; robomimic keeps its demonstrations there."""
NEAR = 3 / 4
"""In other groups, a count may be that of all files of a set if less than this share of it is in the file."""
Attribute = Callable[[bytes, bytes], "int | None"]
"""Returns the whole number in the attribute of a path with a name, or None if there is none."""


class Counted(msgspec.Struct, frozen=True):
    """An attribute that counts the rows of its `samples`, which may be one, or if `whole` the samples themselves."""

    path: bytes
    name: bytes
    samples: tuple[bytes, ...]
    whole: bool = False
    true: bool = True
    unsure: frozenset[bytes] = frozenset()
    """Samples whose number of rows is unknown."""
    of: bytes = b""
    """The dataset of each sample whose rows are counted, if they are not its steps: actions beside observations."""
    said: int = 0
    """The count, if it is one of samples."""
    elsewhere: int = 0
    """The samples of other files that it counts too."""


def count_findings(family: Family, attribute: Attribute, counts: list[Counted]) -> Iterator[Finding]:
    """Add the attributes that count rows or samples to `counts`, and yield a finding for each that is not true."""
    declared_rows = 0
    for sample, rows in zip(family.samples, family.steps.tolist(), strict=True):
        of_sample, declared = _counts_of_rows(sample, rows, attribute)
        counts += of_sample
        declared_rows += max(rows, 0) if declared is None else declared
        yield from (_rows_finding(it, declared, rows) for it in of_sample if declared is not None and not it.true)
    above = family.samples[0].path.rpartition(b"/")[0] or b"/"
    for count, declared, there in _counts_of_all(family, above, declared_rows, attribute):
        counts.append(count)
        if not count.true:
            yield _total_finding(count, declared, there)


def _counts_of_rows(sample: Sample, rows: int, attribute: Attribute) -> tuple[list[Counted], int | None]:
    """Return the attributes that count rows of a sample, and the number in the one that counts its steps, or None.

    `rows` is how many steps there are, or -1 if that is unknown. A number that differs from it may count the rows of
    another dataset, such as audio samples beside frames.
    """
    counts: list[Counted] = []
    for name in STEPS:
        declared = attribute(sample.path, name)
        if declared is None:
            continue
        other = next((it for it, shape in sample.members.items() if shape[:1] == (declared,)), b"")
        if declared == rows or not other:
            counts.append(Counted(sample.path, name, (sample.path,), true=declared == rows or rows < 0))
            return counts, declared
        counts.append(Counted(sample.path, name, (sample.path,), of=other))
    return counts, None


def _rows_finding(count: Counted, declared: int, there: int) -> Finding:
    path, name = escape(count.path), escape(count.name)
    text = f"{path}: {name} says {declared:,}, and {there_are(there, 'row')}"
    return found("count", text, sample=path, attribute=name, said=declared, there=there)


def _counts_of_all(
    family: Family, above: bytes, declared_rows: int, attribute: Attribute
) -> Iterator[tuple[Counted, int, int]]:
    """Yield each attribute of the parent of samples that counts them or their rows, its number, and how many there are.

    `declared_rows` are the rows of all samples by their own attributes.
    """
    paths = tuple(it.path for it in family.samples)
    filled = sum(bool(it.members) for it in family.samples)
    rows = family.steps.tolist()
    unsure = Paths(path for path, its in zip(paths, rows, strict=True) if its < 0)
    for name in TOTALS + SAMPLES:
        declared = attribute(above, name)
        if declared is None:
            continue
        if name in SAMPLES or (name == TOTALS[0] and declared == len(paths)):
            true = declared in (len(paths), filled)
            if not true and (inside := _groups_inside(family, declared)):
                yield Counted(above, name, inside, whole=True), declared, declared
                continue
            yield Counted(above, name, paths, whole=True, true=true, said=declared), declared, len(paths)
        elif unsure:
            yield Counted(above, name, paths, unsure=unsure), declared, declared_rows
        elif declared in (declared_rows, sum(rows)):
            yield Counted(above, name, paths), declared, declared_rows
        elif other := _summed_dataset(family, declared):
            yield Counted(above, name, paths, of=other), declared, declared_rows
        elif inside := _groups_inside(family, declared):
            yield Counted(above, name, inside, whole=True), declared, declared
        elif name != BUDGET or any(attribute(above, it) is not None for it in SAMPLES):
            yield Counted(above, name, paths, true=False), declared, declared_rows


def _groups_inside(family: Family, count: int) -> tuple[bytes, ...]:
    """Return the paths of the numbered groups inside samples, such as the events of years, if they are `count`.

    None are returned if all samples hold as many.
    """
    inside = []
    for sample in family.samples:
        names = {it.partition(b"/")[0] for it in sample.members if b"/" in it}
        inside.append([sample.path + b"/" + it for it in sorted(names) if DIGITS.search(it)])
    uneven = len({len(it) for it in inside}) > 1
    paths = tuple(path for its in inside for path in its)
    return paths if uneven and len(paths) == count else ()


def _total_finding(count: Counted, declared: int, there: int) -> Finding:
    path, name = escape(count.path), escape(count.name)
    what = "samples" if count.whole else "rows in all samples together"
    text = f"{path}: {name} says {declared:,}, and there are {there:,} {what}"
    verdict: Verdict | None = None if count.path in SURE or there >= NEAR * declared else "suspicious"
    return found("count", text, verdict=verdict, path_of=path, attribute=name, said=declared, there=there)


def _summed_dataset(family: Family, total: int) -> bytes:
    """Return the name of the dataset whose rows in all samples add up to `total`, or an empty name if there is none."""
    if not family.compared:
        return b""
    rows = zip(family.names, family.lengths, strict=True)
    return next((name for name, lengths in rows if lengths.min() >= 0 and lengths.sum() == total), b"")
