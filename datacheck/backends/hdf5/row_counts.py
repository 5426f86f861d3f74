"""Datasets of an HDF5 file that are meant to have as many rows as each other, and have not."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset, Values, label_names
from datacheck.backends.interface import StoreOptions
from datacheck.model.cells import NUMBERS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

STARTS = frozenset({b"start", b"starts", b"begin", b"first", b"offset", b"offsets", b"indptr", b"ptr"})
ENDS = frozenset({b"end", b"ends", b"stop", b"last", b"length", b"lengths", b"count", b"counts"})
WORDS = re.compile(rb"[a-z]+")
"""Words in the names of datasets that say where in another one the rows of each record begin, and where they end."""


STEPS = frozenset(
    b"action actions reward rewards terminal terminals timeout timeouts done dones truncation truncations truncated "
    b"terminated terminations next_observation next_observations next_obs".split()
)
"""Datasets of transitions, flat as D4RL has them: one row a step. The observations may be one more, the last."""
NEAR_STEPS = 0.9
SEEN = frozenset({b"observation", b"observations", b"obs"})
DATA = frozenset(b"x data image images img imgs input inputs feature features sample samples text texts".split())
LABEL = frozenset(b"y label labels target targets".split())
PARTS = re.compile(rb"[A-Za-z]+|[0-9]+")
"""X_train and y_train, train_set_x and train_set_y, my_data and my_labels: names that are alike but for one word, which
is one of DATA in the one and one of LABEL in the other. Names with any other word that differs are not compared."""


def paired_counts(datasets: Sequence[Dataset]) -> Iterator[Finding]:
    """Yield a finding for each data and labels of a group, by the words of their names, that differ in their rows."""
    sides: dict[tuple[bytes, ...], dict[bool, list[Dataset]]] = defaultdict(lambda: {False: [], True: []})
    for dataset in datasets:
        if not dataset.shape or not dataset.columns:
            continue
        for is_label in (False, True):
            rest = other_words(dataset.name, is_label=is_label)
            if rest is not None and (dataset.rows or not is_label):  # without a row nobody has labelled them
                sides[rest][is_label].append(dataset)
    for side in sides.values():
        data, labels = side[False], [it for it in side[True] if it.holds == {NUMBERS}]
        for label in labels:
            if not data or any(label.rows == it.rows or _across(label, it) for it in data):
                continue
            if _joined(label, data[0], datasets):
                continue
            if len(data) == 1 and not (len(label.shape) == len(data[0].shape) == 1 and label.scale):
                yield _unequal([(escape(data[0].path), data[0].rows), (escape(label.path), label.rows)])


def other_words(name: bytes, *, is_label: bool) -> tuple[bytes, ...] | None:
    """Return the words of a name without the one that says that it is data, or labels; None where none does.

    >>> other_words(b"y_train", is_label=True) == other_words(b"X_train", is_label=False)
    True
    >>> other_words(b"X_train", is_label=True)
    """
    parts = [it.lower() for it in PARTS.findall(name)]
    at = [place for place, it in enumerate(parts) if it in (LABEL if is_label else DATA)]
    at = [place for place in at if parts[place] in (b"x", b"y")] or at  # data_x and data_y
    if len(at) != 1 or len(parts) < 2 or not (is_label or not LABEL.intersection(parts)):
        return None
    return (*parts[: at[0]], b"*", *parts[at[0] + 1 :])


def step_counts(datasets: Sequence[Dataset]) -> Iterator[Finding]:
    """Yield a finding where the actions, rewards and what else a transition has differ in their rows in one group."""
    its = {it.name: it for it in datasets if it.shape and it.columns and it.name in STEPS | SEEN}
    steps = {name: it.rows for name, it in its.items() if name in STEPS}
    actions = next((steps[name] for name in (b"actions", b"action") if name in steps), None)
    if actions is None or len(its) < 2:
        return
    odd = {name: it.rows for name, it in its.items() if it.rows != actions}
    wrong = {name: rows for name, rows in odd.items() if name in STEPS or rows != actions + 1}
    if wrong:
        counts = {name: it.rows for name, it in its.items()}
        yield _unequal([(escape(its[name].path), rows) for name, rows in sorted(counts.items())])


INFOS = frozenset({b"infos", b"info", b"env_infos"})
"""Groups beside the datasets of transitions that have something more of each step."""


def info_counts(datasets: Sequence[Dataset], infos: Sequence[Dataset]) -> Iterator[Finding]:
    """Yield a finding where what more a group has of each step is of nearly as many steps as there are actions."""
    steps = next((it for it in datasets if it.name in (b"actions", b"action") and it.shape), None)
    if steps is None:
        return
    for it in infos:
        near = it.shape and it.columns and min(it.rows, steps.rows) >= NEAR_STEPS * max(it.rows, steps.rows)
        if near and it.rows not in (steps.rows, steps.rows + 1):
            yield _unequal([(escape(steps.path), steps.rows), (escape(it.path), it.rows)])


def row_counts(
    group: bytes, datasets: Sequence[Dataset], options: StoreOptions, values: Values = lambda _: None
) -> Iterator[Finding]:
    """Yield a finding for each label dataset of a group that has another number of rows than what it labels."""
    sized = {dataset.name: dataset for dataset in datasets if dataset.shape}
    labels = label_names(group, datasets, options) & sized.keys()
    data = {name: dataset for name, dataset in sized.items() if name not in labels and dataset.rows}
    for name in sorted(labels):
        label = sized[name]
        if b"data" in data:
            other = data[b"data"]
            wrong = label.height != other.height
        else:
            other = next(iter(data.values()), label)
            wrong = all(label.height != dataset.height for dataset in data.values())
            other = _without_rows(label, data.values(), datasets) or other
        across = any(_across(label, dataset) for dataset in data.values())
        wrong = wrong and not across and not _joined(label, other, sized.values())
        if wrong and other is not label and not _pairs(label, other, values):
            yield _unequal([(escape(other.path), other.rows), (escape(label.path), label.rows)])


def _without_rows(label: Dataset, data: Iterable[Dataset], datasets: Sequence[Dataset]) -> Dataset | None:
    """Return the data, by their name, that have no row beside labels of several, of which nothing else has as many."""
    if label.rows < 2 or any(it.rows in (label.rows, label.rows + 1) for it in data):
        return None
    its = [it for it in datasets if it.name.lower() in DATA | SEEN and it.columns and it.shape]
    return next((it for it in its if not it.rows), None) if not any(it.rows for it in its) else None


def _pairs(label: Dataset, data: Dataset, values: Values) -> bool:
    """Say whether labels are pairs of a row of the data and a class, in the order of the rows."""
    if len(label.shape) != 2 or label.shape[1] not in (2, 3) or label.dtype.kind not in "iu":
        return False
    its = values(label)
    if its is None or not len(its):
        return False
    rows = its[:, 0].astype(np.int64)
    ascending = bool((rows[1:] >= rows[:-1]).all())
    return ascending and rows[0] >= 0 and data.rows // 2 <= rows[-1] < data.rows


def _across(label: Dataset, data: Dataset) -> bool:
    """Say whether the samples of either run along its last axis, as MATLAB has them."""
    samples = {data.shape[0], data.shape[-1]}
    if len(label.shape) == 1:
        return len(data.shape) > 1 and label.rows == data.shape[-1]
    return label.rows == 1 and len(label.shape) == 2 and label.shape[1] in samples


def _joined(label: Dataset, data: Dataset, datasets: Iterable[Dataset]) -> bool:
    """Say whether one of the datasets holds, by its name, type and height, the first label of each row of the data.

    Its name is that of the labels with one of STARTS, or another one like it has one of ENDS. Or there is a label for
    each run of rows, and the datasets that say where those begin, and how long they are, have as many.
    """
    its = [it for it in datasets if it.dtype.kind in "iu" and len(it.shape) == 1 and it is not label]
    runs = [it for it in its if it.rows in (label.rows, label.rows + 1)]
    if label.rows < data.rows and any(STARTS & set(WORDS.findall(it.name.lower())) for it in runs):
        return True
    whole = [it for it in datasets if it.dtype.kind in "iu" and it.rows in (data.rows, data.rows + 1)]
    words = {it.name: set(WORDS.findall(it.name.lower())) for it in whole if it is not label}
    stem = label.name.lower().removesuffix(b"s")
    ends = any(ENDS & said for said in words.values())
    return any(STARTS & said and (ends or {stem, stem + b"s"} & said) for said in words.values())


def together(lengths: Mapping[bytes, int | None], options: StoreOptions) -> Iterator[Finding]:
    """Yield a finding for each group of `options.together` whose datasets differ in length, or are not there."""
    for wanted in options.together:
        asked = [path.encode("utf-8", "surrogateescape") for path in wanted]
        for paths in _placed(asked, lengths):
            counts = [(escape(path), lengths.get(path)) for path in paths]
            if len({count for _, count in counts}) > 1 or counts[0][1] is None:
                yield _unequal(counts)


def _placed(asked: Sequence[bytes], lengths: Mapping[bytes, int | None]) -> Sequence[Sequence[bytes]]:
    """Return the paths that belong together as they were asked for: as they are, or by the last parts of their paths.

    By the last parts they belong together in every group that has all of them; `*` stands for what is within a name. In
    the name of a group it is the same for all of them: data/*/actions,data/*/obs/* are those of each episode.
    """
    paths = [b"/" + path.strip(b"/") for path in asked]
    if all(path in lengths for path in paths):
        return [paths]
    shared = min(path.rpartition(b"/")[0].count(b"*") for path in paths)
    patterns = [_pattern(path, rooted=it.startswith(b"/")) for it, path in zip(asked, paths, strict=True)]
    places: dict[tuple[bytes, ...], list[list[bytes]]] = defaultdict(lambda: [[] for _ in patterns])
    for path in lengths:
        for number, pattern in enumerate(patterns):
            match = pattern.fullmatch(path)
            if match is not None:
                places[match.groups()[: shared + 1]][number].append(path)
    whole = [list(dict.fromkeys(itertools.chain(*found))) for found in places.values() if all(found)]
    return whole or [paths]


def _pattern(path: bytes, *, rooted: bool) -> re.Pattern[bytes]:
    """Return what paths match: a group for what is before them, and one for each star in the name of a group."""
    above, _, name = path.rpartition(b"/")
    parts = re.escape(above).replace(rb"\*", rb"([^/]*)") + b"/" + re.escape(name).replace(rb"\*", rb"[^/]*")
    return re.compile((b"()" if rooted else b"(.*)") + parts, re.DOTALL)


def _unequal(counts: Sequence[tuple[str, int | None]]) -> Finding:
    spelled = ", ".join(
        f"{path} {'is not there' if rows is None else f'has {rows} row' + 's' * (rows != 1)}" for path, rows in counts
    )
    alike = " and are not the same ones, since a rebuild dropped some" if len({rows for _, rows in counts}) == 1 else ""
    return found("row-count", f"{spelled}{alike}; they belong together", rows=dict(counts))
