"""Datasets of one group that have nearly as many rows as others, and by what they are called are meant to have as many.

Names are alike but for one word, and the two words are a pair that training reads side by side: inputs and outputs, src
and tgt, noisy and clean. Or they are flat columns, as those of events and points: three or more are of one length, and
one is a little longer or shorter; one row more or less may be meant there, as for the borders of bins.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.row_counts import ENDS, PARTS, STARTS, WORDS
from datacheck.model.cells import NUMBERS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

PAIRS = (
    (b"input inputs", b"output outputs"),
    (b"image images img imgs", b"mask masks seg segmentation segmentations depth depths"),
    (b"source src", b"target tgt trg"),
    (b"noisy blurred degraded corrupted", b"clean sharp"),
    (b"lr lq low", b"hr gt hq high"),
    (b"video videos image images", b"text texts caption captions audio"),
    (b"query queries anchor", b"positive positives passage passages"),
    (b"feature features feats feat embedding embeddings", b"coord coords coordinate coordinates location locations"),
    (b"data image images img imgs input inputs feature features feats", b"label labels target targets"),
)
SIDES = tuple((sorted(some.split()), sorted(others.split())) for some, others in PAIRS)
NUMBERS_OF = frozenset(b"id ids idx idxs index indexes indices ind inds".split())
NEAR = 3 / 4
"""Pairs of which one has fewer than this of the rows of the other may hold different things."""
COLUMNS, LONG, CLOSE = 3, 100, 0.95
"""So many columns, of so many rows; another of at least this share of them is meant to be as long."""


def near_counts(datasets: Sequence[Dataset], before: Iterable[Finding] = ()) -> Iterator[Finding]:
    """Yield a finding for each pair, and each odd column, of one group, but for those of which one told `before`.

    Where one of the datasets says where the rows of each record begin or end, they may have any number of rows.
    """
    its = [it for it in datasets if it.shape and it.rows and it.holds == {NUMBERS}]
    if any((STARTS | ENDS) & set(WORDS.findall(it.name.lower())) for it in datasets):
        return
    told = {path for finding in before for path in finding.details.get("rows", ())}
    for some, other in (*_pairs(its), *_columns(its)):
        if told.isdisjoint((escape(some.path), escape(other.path))):
            yield _unequal(some, other)


def _pairs(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset]]:
    named: dict[tuple[bytes, ...], dict[bytes, Dataset]] = defaultdict(dict)
    for dataset in datasets:
        parts = [it.lower() for it in PARTS.findall(dataset.name)]
        for at, word in enumerate(parts):
            named[(*parts[:at], b"*", *parts[at + 1 :])].setdefault(word, dataset)
    for words in named.values():
        for one, other in SIDES:
            first = next((words[it] for it in one if it in words), None)
            second = next((words[it] for it in other if it in words), None)
            if first is None or second is None or not _near(first.rows, second.rows, NEAR):
                continue
            if not any(it.rows in (first.rows, second.rows) and _joins(it) for it in datasets):
                yield first, second


def _joins(dataset: Dataset) -> bool:
    """Say whether a dataset has the number of something in each row: the picture that a box is of."""
    return len(dataset.shape) == 1 and dataset.dtype.kind in "iu" and bool(NUMBERS_OF & set(_words(dataset)))


def _words(dataset: Dataset) -> list[bytes]:
    return WORDS.findall(dataset.name.lower())


def _columns(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset]]:
    flat = [it for it in datasets if len(it.shape) == 1]
    (rows, count), *_ = Counter(it.rows for it in flat).most_common(1) or [(0, 0)]
    odd = [it for it in flat if it.rows != rows]
    if (
        count >= COLUMNS
        and rows >= LONG
        and len(odd) == 1
        and _near(odd[0].rows, rows, CLOSE)
        and abs(odd[0].rows - rows) > 1
    ):
        yield next(it for it in flat if it.rows == rows), odd[0]


def _near(one: int, other: int, share: float) -> bool:
    """Say whether two numbers of rows differ, and by little."""
    return one != other and min(one, other) >= share * max(one, other)


def _unequal(some: Dataset, other: Dataset) -> Finding:
    counts = {escape(it.path): it.rows for it in (some, other)}
    spelled = ", ".join(f"{path} has {rows:,} row" + "s" * (rows != 1) for path, rows in counts.items())
    return found("row-count", f"{spelled}; by their names they belong together", rows=counts)
