"""Find and check datasets that hold row numbers: where each episode ends, which rows form a set.

They are recognised by their names and contents, and refer to rows of other datasets in their file.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.library.looking import LARGEST
from datacheck.backends.hdf5.names import WORDS, words
from datacheck.backends.hdf5.samples.row_counts import ENDINGS
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted, there_are
from datacheck.model.sample_sets import SETS

Kind = Literal["ends", "starts", "lengths", "rows"]
RUNS = frozenset(
    b"episode episodes ep eps traj trajs trajectory trajectories demo demos seq sequence sequences".split()
)
OF_TEXTS = frozenset(b"seq seqs sequence sequences".split())
"""The words among RUNS that may be of texts, which have tokens between them, or of chromosomes."""
END = frozenset({b"end", b"ends", b"stop", b"stops"})
START = frozenset({b"offset", b"offsets", b"start", b"starts", b"begin"})
LENGTH = frozenset({b"len", b"lens", b"length", b"lengths"})
ROWS = frozenset({b"idx", b"idxs", b"index", b"indexes", b"indices", b"inds", b"ids"})
IDS = frozenset({b"ids"})
PLACES = ROWS | frozenset(b"data train val valid test step steps frame frames row rows ix id at position of".split())
"""Further words that the name of a dataset of episode ends may have. With any other word it may hold times instead."""
TILES = frozenset(b"pos position positions range ranges bounds span spans slice slices".split())
OF_TRIALS = frozenset(b"eval evals evaluation evaluations test tests rollout rollouts".split())
"""Words in the names of groups of episodes that were run to try a model, of which no rows are kept."""
FEW, NEARLY, UNKNOWN = 8, 0.1, -1
"""Minimum number of lengths that are compared with the rows beside them, maximum difference of their sum from the rows,
as a share of these, and the number that stands for an unknown length."""
FEWEST, FOLLOWING = 4, 0.9
"""Minimum number of ranges, and minimum share of them that have to begin where the range before ends."""


class RowNumbers(msgspec.Struct, frozen=True):
    """A dataset of row numbers of some kind, which refer to the datasets with `height` rows.

    `beside` is the dataset of lengths that belongs to a dataset of starts, and vice versa.
    """

    path: bytes
    kind: Kind
    height: int
    beside: bytes = b""


def names_a_set(path: bytes) -> bool:
    """Check whether a dataset is named after a set of rows: `train_idx`, `val_index`."""
    name_words = words(path.rpartition(b"/")[2])
    return bool(name_words & SETS and name_words & (ROWS - IDS))


def may_number_a_set(dataset: Dataset) -> bool:
    """Check whether a flat dataset may hold the numbers of a set of rows or samples: `train_idx`, `split/train`."""
    is_set = _may_be_row_numbers(dataset) and _kind_of(dataset) == "rows"
    return len(dataset.shape) == 1 and (is_set or names_a_set(dataset.name))


def row_numbers(datasets: Sequence[Dataset], values: Values) -> tuple[list[RowNumbers], list[Finding]]:
    """Return the datasets of row numbers among the datasets of a file, and the findings about them."""
    named = {it.path: it for it in datasets if _may_be_row_numbers(it)}
    heights = Counter(it.rows for it in datasets if it.path not in named and it.shape and it.rows and it.columns)
    if not named or not heights:
        return [], []
    size = Counter[int]()
    for it in datasets:
        if it.path not in named and it.shape:
            size[it.rows] += it.bytes
    usual = max(heights, key=lambda rows: (heights[rows], size[rows], rows))
    result: list[RowNumbers] = []
    findings: list[Finding] = []
    stored = {it.path: values(it) for it in named.values()}
    of_sets = [it for path, it in stored.items() if it is not None and it.size and _kind_of(named[path]) == "rows"]
    lowest = min((int(it.min()) for it in of_sets), default=0)
    for dataset in named.values():
        numbers = stored[dataset.path]
        if numbers is None and dataset.bytes > LARGEST:
            findings.append(too_large(dataset))
        if numbers is None or not numbers.size:
            continue
        kind = _kind_of(dataset)
        if kind == "ends" and not _shown_by_starts(dataset, named, stored, usual):
            _take_ends(dataset, numbers, heights, usual, result, findings)
        elif kind == "starts":
            _take_starts(dataset, numbers, named, values, heights, usual, result, findings)
        elif kind == "rows":
            _take_rows(dataset, numbers, lowest, heights, usual, result, findings, datasets, values)
        elif kind == "lengths" and dataset.rows not in heights and _stands_alone(dataset, datasets, usual):
            findings += _wrong_lengths(dataset, numbers, heights, datasets, values)
    return sorted(result, key=lambda it: it.path), findings


def _stands_alone(dataset: Dataset, datasets: Sequence[Dataset], usual: int) -> bool:
    """Check whether lengths are in another group than starts, ends and the rows, or too few for `joined_lengths`."""
    above, _, name = dataset.path.rpartition(b"/")
    if words(name) & OF_TEXTS or words(above) & OF_TRIALS:
        return False
    beside = [it for it in datasets if it.path.rpartition(b"/")[0] == above]
    if any(words(it.name) & (START | END) for it in beside):
        return False
    return dataset.rows < FEW or all(it.rows != usual for it in beside if it.shape)


def _wrong_lengths(
    dataset: Dataset, numbers: NDArray[Any], heights: Mapping[int, int], datasets: Sequence[Dataset], values: Values
) -> Iterator[Finding]:
    """Yield a finding for lengths of runs of which one is negative, or which nearly, but not exactly, add up.

    All runs may have equally many rows more or less than their length says, and the last run may not have ended.
    """
    path, lengths = escape(dataset.path), numbers.astype(np.int64)
    wrong = np.flatnonzero(lengths < UNKNOWN)
    if wrong.size and wrong.size * 2 < lengths.size:
        at = int(wrong[0])
        text = f"{path}[{at}] is {int(lengths[at])}, which cannot be a length"
        yield found("count", text, field=dataset.title, dataset=path, row=at, said=int(lengths[at]))
        return
    total, count = int(lengths.sum()), lengths.size
    taller = [it for it in heights if it > count]
    near = [it for it in taller if abs(total - it) <= NEARLY * it]
    if len(near) != 1 or total in heights or abs(total - near[0]) % count == 0 or count < 2:
        return
    (rows,) = near
    if total in {rows + other for other in heights} or (total < rows and _goes_on(rows, datasets, values)):
        return  # they are those of two sets, or the last one is not over
    sure = len(taller) == 1 and abs(total - rows) <= int(lengths.max())
    text = f"{path} adds up to {total:,}, and there are {rows:,} rows"
    yield found("count", text, field=dataset.title, verdict=None if sure else "suspicious", dataset=path, said=total,
                there=rows)  # fmt: skip


def _goes_on(rows: int, datasets: Sequence[Dataset], values: Values) -> bool:
    """Check whether flags of the last rows of episodes say that the last row of all is none."""
    flags = [it for it in datasets if it.name in ENDINGS and it.shape in ((rows,), (rows, 1)) and it.readable]
    ended = [it for it in map(values, flags) if it is not None]
    return bool(ended) and not any(it.reshape(-1)[-1] for it in ended)


def too_large(dataset: Dataset, most: int = LARGEST) -> Finding:
    """Return the finding for numbers that refer to other datasets but of which all, or a chunk, exceed `most` bytes."""
    path = escape(dataset.path)
    size = f"its {dataset.bytes:,} bytes"
    if dataset.bytes <= most and dataset.chunks:
        size = f"the {math.prod(dataset.chunks) * dataset.dtype.itemsize:,} bytes of a chunk"
    text = f"{path} may lead to rows that are not there: {size} are more than the {most:,} that are looked at for that"
    return found("unsupported", text, field=dataset.title, object=path, size=dataset.bytes)


def _may_be_row_numbers(dataset: Dataset) -> bool:
    return dataset.is_integer_vector and dataset.readable and _kind_of(dataset) is not None


def _kind_of(dataset: Dataset) -> Kind | None:
    name_words = words(dataset.name)
    of_runs = name_words & RUNS
    if of_runs and name_words & END and name_words <= RUNS | END | PLACES:
        return "ends"
    if of_runs and name_words & START:
        return "starts"
    if of_runs and name_words & LENGTH:
        return "lengths"
    above = words(dataset.path.rpartition(b"/")[0].rpartition(b"/")[2])
    if names_a_set(dataset.name):
        return "rows"
    return "rows" if name_words & SETS and above & frozenset({b"split", b"splits"}) else None


def _shown_by_starts(
    dataset: Dataset, named: Mapping[bytes, Dataset], stored: Mapping[bytes, NDArray[Any] | None], usual: int
) -> bool:
    """Check whether starts beside the ends show that the runs are in any order, or that the ends are inclusive."""
    above, stem = dataset.path.rpartition(b"/")[0], words(dataset.name) - END
    ends = stored[dataset.path]
    for path, other in named.items():
        if path.rpartition(b"/")[0] != above or _kind_of(other) != "starts" or words(other.name) - START != stem:
            continue
        starts = stored[path]
        if ends is None or starts is None or len(starts) != len(ends):
            continue
        first, last = starts.astype(np.int64), ends.astype(np.int64)
        if first.min() < 0 or last.max() > usual or (first > last).any():
            continue
        order = first.argsort()
        first, last = first[order], last[order]
        if last[-1] == usual - 1 and (first[1:] == last[:-1] + 1).all():
            return True
        if (np.diff(order) < 0).any() and (first[1:] >= last[:-1]).all():
            return True
    return False


def _take_ends(
    dataset: Dataset,
    numbers: NDArray[Any],
    heights: Mapping[int, int],
    usual: int,
    result: list[RowNumbers],
    findings: list[Finding],
) -> None:
    if dataset.rows in heights and int(numbers.min()) >= 0 and int(numbers.max()) <= 1:
        return  # a flag for each row
    path, last = escape(dataset.path), int(numbers[-1])
    falling = np.flatnonzero(numbers[1:] < numbers[:-1])
    if dataset.rows == usual and (falling.size or last > usual):
        return  # a position for each row, such as where a sequence lies on its chromosome
    if falling.size:
        at = int(falling[0]) + 1
        text = f"{path}[{at}] is {int(numbers[at])}, which is before {int(numbers[at - 1])}: the ends do not rise"
        findings.append(found("dangling", text, field=dataset.title, dataset=path, row=at))
        return
    if last in heights:
        result.append(RowNumbers(dataset.path, "ends", last))
        return
    if last > usual:
        text = f"{path}: the last one ends at row {last:,}, and {there_are(usual, 'row')}"
        verdict: Verdict | None = "suspicious" if int(numbers[0]) > usual else None  # none of them refers to these rows
        findings.append(
            found("dangling", text, field=dataset.title, verdict=verdict, dataset=path, number=last, rows=usual)
        )
        return
    behind = counted(usual - last, "row behind it is", "rows behind it are")
    text = f"{path}: the last one ends at row {last:,} of {usual:,}; the {behind} in none"
    findings.append(
        found("count", text, field=dataset.title, verdict="suspicious", dataset=path, number=last, rows=usual)
    )
    result.append(RowNumbers(dataset.path, "ends", usual))


def _take_starts(
    dataset: Dataset,
    numbers: NDArray[Any],
    named: Mapping[bytes, Dataset],
    values: Values,
    heights: Mapping[int, int],
    usual: int,
    result: list[RowNumbers],
    findings: list[Finding],
) -> None:
    above = dataset.path.rpartition(b"/")[0]
    stem = words(dataset.name) - START
    for path, other in named.items():
        if path.rpartition(b"/")[0] == above and _kind_of(other) == "lengths" and words(other.name) - LENGTH == stem:
            break
    else:
        return
    lengths = values(other)
    if lengths is None or len(lengths) != len(numbers):
        return
    ends = numbers.astype(np.int64) + lengths.astype(np.int64)
    last = int(ends.max())
    if last > usual == dataset.rows:
        return  # a position for each row, such as where a sequence lies on its chromosome
    if last > usual and last not in heights:
        at = int(ends.argmax())
        text = (
            f"{escape(dataset.path)}[{at}] and {escape(path)}[{at}] lead to row {last:,}, and {there_are(usual, 'row')}"
        )
        findings.append(
            found("dangling", text, field=dataset.title, dataset=escape(dataset.path), number=last, rows=usual)
        )
        return
    height = last if last in heights else usual
    result += [RowNumbers(dataset.path, "starts", height, path), RowNumbers(path, "lengths", height, dataset.path)]


def _take_rows(
    dataset: Dataset,
    numbers: NDArray[Any],
    lowest: int,
    heights: Mapping[int, int],
    usual: int,
    result: list[RowNumbers],
    findings: list[Finding],
    datasets: Sequence[Dataset],
    values: Values,
) -> None:
    most = max(heights)
    first = int(lowest >= 1 and int(numbers.max()) == most)  # MATLAB counts from one
    beyond = np.flatnonzero(numbers.astype(np.int64) >= most + first)
    if beyond.size * 2 > numbers.size or (beyond.size and _are_names(numbers, most, datasets, values)):
        return  # names of something, not row numbers
    if beyond.size:
        at = int(beyond[0])
        more = f", and so do {beyond.size - 1:,} more" if beyond.size > 1 else ""
        text = f"{escape(dataset.path)}[{at}] leads to row {int(numbers[at]):,}{more}; {there_are(most, 'row')}"
        findings.append(
            found("dangling", text, field=dataset.title, dataset=escape(dataset.path), row=at, number=int(numbers[at]))
        )
        return
    if not first and int(numbers.max()) < usual:
        result.append(RowNumbers(dataset.path, "rows", usual))


def tiling(datasets: Sequence[Dataset], values: Values) -> Iterator[Finding]:
    """Yield a finding for ranges, such as `pos_boxes`, that cover the rows of another dataset and exceed its end.

    Nearly every range begins where the range before ends, and the largest end is near the last row.
    """
    for dataset in datasets:
        if len(dataset.shape) != 2 or dataset.shape[1] != 2 or dataset.dtype.kind not in "iu":
            continue
        if not words(dataset.name) & TILES:
            continue
        rows = Counter(it.rows for it in datasets if it is not dataset and it.shape and it.columns)
        numbers = values(dataset) if rows else None
        if numbers is None or len(numbers) < FEWEST or int(numbers[0, 0]) != 0:
            continue
        usual = max(rows, key=lambda it: (rows[it], it))
        follows = int((numbers[1:, 0] == numbers[:-1, 1]).sum())
        most = int(numbers.max())
        if follows < FOLLOWING * (len(numbers) - 1) or not usual < most <= usual + max(1, usual // 20):
            continue
        target = next(it for it in datasets if it.shape and it.rows == usual and it is not dataset)
        at = int(numbers.max(axis=1).argmax())
        path = escape(dataset.path)
        text = f"{path}[{at}] leads to row {most:,} of {escape(target.path)}, which has {usual:,}"
        yield found("dangling", text, field=dataset.title, dataset=path, number=most)


def _are_names(numbers: NDArray[Any], rows: int, datasets: Sequence[Dataset], values: Values) -> bool:
    """Check whether the numbers are names, such as of patients: a column with a value for each row has them as well."""
    columns = (it for it in datasets if it.rows == rows and it.is_integer_vector)
    all_values = (values(it) for it in columns)
    return any(column is not None and bool(np.isin(numbers, column).all()) for column in all_values)


def joined_by_ranges(datasets: Sequence[Dataset], values: Values) -> Iterator[Finding]:
    """Yield a finding for each dataset of end rows, such as `label_end_ix` for `labels`, that exceeds its target."""
    by_name = {it.name.lower(): it for it in datasets if it.shape}
    for dataset in datasets:
        name_words = words(dataset.name)
        if (
            len(dataset.shape) != 1
            or dataset.dtype.kind not in "iu"
            or not (name_words & END and name_words & {b"ix", *ROWS})
        ):
            continue
        target = named_target(dataset, by_name)
        numbers = values(dataset) if target is not None else None
        if target is None or numbers is None or not numbers.size or int(numbers.max()) <= target.rows:
            continue
        within = float(np.mean(numbers <= target.rows))
        first = _starts_of(dataset, datasets, values)
        if within < 1 / 2 and (first is None or not _adjoin(first, numbers)):
            continue  # places in something else: of `clips` that were cut from videos
        if dataset.rows == target.rows and ((numbers[1:] < numbers[:-1]).any() or within < FOLLOWING):
            continue  # a position within each row, such as where an answer ends in its text, or in another dataset
        at = int(numbers.argmax())
        text = (
            f"{escape(dataset.path)}[{at}] leads to row {int(numbers[at]):,} of {escape(target.path)}, "
            f"which has {target.rows:,}"
        )
        verdict: Verdict | None = "suspicious" if first is not None and _are_windows(first, numbers) else None
        yield found("dangling", text, field=dataset.title, verdict=verdict, dataset=escape(dataset.path),
                    number=int(numbers[at]))  # fmt: skip


def named_target(dataset: Dataset, by_name: Mapping[bytes, Dataset]) -> Dataset | None:
    """Return the dataset that another one refers to by the first word of its name: labels of label_start_ix."""
    stem = next(iter(WORDS.findall(dataset.name.lower())), b"")
    target = by_name.get(stem) or by_name.get(stem + b"s")
    return None if target is dataset else target


def _starts_of(ends: Dataset, datasets: Sequence[Dataset], values: Values) -> NDArray[Any] | None:
    """Return the first rows of the ranges that have these ends, or None if there are none."""
    stem = words(ends.name) - END
    start = next((it for it in datasets if words(it.name) & START and words(it.name) - START == stem), None)
    return values(start) if start is not None and start.shape == ends.shape and start.dtype.kind in "iu" else None


def _adjoin(first: NDArray[Any], last: NDArray[Any]) -> bool:
    """Check whether nearly all ranges begin where the range before ends, or one row later."""
    gaps = first[1:].astype(np.int64) - last[:-1].astype(np.int64)
    return len(gaps) > 0 and float(max(np.mean(gaps == 0), np.mean(gaps == 1))) >= FOLLOWING


def _are_windows(first: NDArray[Any], last: NDArray[Any]) -> bool:
    """Check whether ranges are overlapping windows of one size; a loader may pad the last ones."""
    begin, end = first.astype(np.int64), last.astype(np.int64)
    return len(begin) > 1 and bool((end - begin == end[0] - begin[0]).all() and (begin[1:] < end[:-1]).all())
