"""Find datasets of an HDF5 file that are meant to have equal numbers of rows but do not."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset, Values, label_names
from datacheck.backends.hdf5.names import ACTIONS, LABELS, words
from datacheck.backends.hdf5.samples.told_apart import are_of_one_kind, near, told_apart
from datacheck.backends.interface import StoreOptions
from datacheck.model.cells import NUMBERS, TEXTS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.sample_sets import SETS

STARTS = frozenset({b"start", b"starts", b"begin", b"first", b"offset", b"offsets", b"indptr", b"ptr"})
ENDS = frozenset({b"end", b"ends", b"stop", b"last", b"length", b"lengths", b"count", b"counts"})
"""Words in the names of datasets that give the start, and the end, of each record's rows in another dataset."""
STEPS = frozenset(
    b"action actions reward rewards terminal terminals timeout timeouts done dones truncation truncations truncated "
    b"terminated terminations next_observation next_observations next_obs".split()
)
"""Datasets of transitions in the flat layout of D4RL, with one row per step. There may be one more observation, the
last."""
NEAR_STEPS, CLOSEST = 0.9, 0.98
"""Minimum share of rows that steps, and labels, must have of the data that they are compared with if other data differs
more."""
SEEN = frozenset({b"observation", b"observations", b"obs"})
STATES, FLAT = frozenset({b"state", b"states"}), 3
"""Names of datasets with a state for each step, and minimum number of datasets of STEPS beside them; there may be one
more state, the last."""
NEXT = frozenset({b"next_observation", b"next_observations", b"next_obs"})
DATA = frozenset(b"x data image images img imgs input inputs feature features sample samples text texts".split())
OR_DATA = frozenset({b"y", b"target", b"targets"})
"""Names of labels that data may also have, for another set of points or another domain."""
SOURCES = frozenset({b"source", b"sources", b"src"})
PARTS = re.compile(rb"[A-Za-z]+|[0-9]+")
"""The parts of a name. Names such as X_train and y_train, train_set_x and train_set_y, or my_data and my_labels differ
in one part, which is in DATA for one of them and in LABELS for the other. Names that differ in any other part are not
compared."""
WHOLE = SETS | frozenset(b"all full data dataset set".split())
"""Words that name a set of samples. If a name has no other words, each sample of the set has a label."""
OF_ONE_AXIS = frozenset(
    b"mean means std stds var variance median mu sigma min max scale scales scaler shift offset norm dim dims size "
    b"sizes shape grid grids axis axes edge edges bin bins coord coords range ranges limit limits mesh ticks center "
    b"centers".split()
)
"""Words for properties of one axis or one set of features: x_mean and y_mean are not data and labels."""
THIRD = b"z"
"""If there is also a z, x and y are axes, not data and labels."""
ENDINGS = frozenset(
    b"terminal terminals timeout timeouts done dones truncated truncations terminated terminations".split()
)
"""Names of datasets of steps that hold flags, or the numbers of the rows at which episodes end."""
Counts = Sequence[tuple[str, "int | None"]]


def paired_counts(datasets: Sequence[Dataset], values: Values = lambda _: None) -> Iterator[Finding]:
    """Yield a finding for data and labels of a group that are paired by their names and differ in number of rows.

    It is only suspicious if nothing but the names pairs them and they may be two separate sets of things.
    """
    sides: dict[tuple[bytes, ...], dict[bool, list[Dataset]]] = defaultdict(lambda: {False: [], True: []})
    for dataset in datasets:
        if not dataset.shape or not dataset.columns:
            continue
        for is_label in (False, True):
            rest = other_words(dataset.name, is_label=is_label)
            if rest is not None and (dataset.rows or not is_label):  # labels without rows: the data is not labelled
                sides[rest][is_label].append(dataset)
    thirds = {without(it.name, THIRD) for it in datasets}
    for rest, side in sides.items():
        data, labels = side[False], [it for it in side[True] if it.holds == {NUMBERS}]
        if rest in thirds or not OF_ONE_AXIS.isdisjoint(rest):
            continue
        for label in labels:
            if len(data) == 1 and label.rows != data[0].rows and not _is_across(label, data[0]):
                axes = len(label.shape) == len(data[0].shape) == 1 and label.scale
                if not (axes or _is_joined(label, data[0], datasets) or told_apart(label, data[0], datasets, values)):
                    yield from _pair_findings(label, data[0], of_a_set=of_a_set(rest))


def _pair_findings(label: Dataset, data: Dataset, *, of_a_set: bool) -> Iterator[Finding]:
    """Yield a finding for data and labels with matching names that differ in rows, unless they look like two sets."""
    close, alike = near(label, data), are_of_one_kind(label, data)
    certain = not data.rows or close or len(data.shape) > 1 if of_a_set else close and not alike
    if of_a_set or close or not alike:
        yield _unequal_finding([(escape(data.path), data.rows), (escape(label.path), label.rows)], certain=certain)


def of_a_set(rest: Sequence[bytes]) -> bool:
    """Check whether the other words of a name only name a set of samples, such as train."""
    return all(it in WHOLE or it == b"*" or it.isdigit() for it in rest)


def without(name: bytes, word: bytes) -> tuple[bytes, ...] | None:
    """Return the words of a name with a star in place of `word`, or None if the name does not contain it."""
    parts = [it.lower() for it in PARTS.findall(name)]
    return None if word not in parts else tuple(b"*" if it == word else it for it in parts)


@lru_cache(maxsize=4096)
def other_words(name: bytes, *, is_label: bool) -> tuple[bytes, ...] | None:
    """Return the words of a name, with a star for the one that marks data or labels, or None if there is no such word.

    >>> other_words(b"y_train", is_label=True) == other_words(b"X_train", is_label=False)
    True
    >>> other_words(b"X_train", is_label=True)
    """
    parts = [it.lower() for it in PARTS.findall(name)]
    at = [place for place, it in enumerate(parts) if it in (LABELS if is_label else DATA)]
    at = [place for place in at if parts[place] in (b"x", b"y")] or at  # data_x and data_y
    if len(at) != 1 or len(parts) < 2 or not (is_label or not LABELS.intersection(parts)):
        return None
    return (*parts[: at[0]], b"*", *parts[at[0] + 1 :])


def step_counts(datasets: Sequence[Dataset], values: Values = lambda _: None) -> Iterator[Finding]:
    """Yield a finding if the actions, rewards and other parts of transitions in a group differ in number of rows.

    There may be one more observation than actions per episode, but not beside as many next observations. Flags of
    endings may be as long as such observations; rewards and other steps of that length are only suspicious. A dataset
    of endings may instead hold the number of the last row of each episode. A dataset whose length is far from that of
    the actions may belong to something else and is only suspicious as well. So are more states than actions.
    """
    sized = {it.name: it for it in datasets if it.shape and it.columns}
    parts = {name: it for name, it in sized.items() if name in STEPS | SEEN}
    actions = next((parts[name] for name in sorted(ACTIONS, reverse=True) if name in parts), None)
    if actions is None:
        return
    states = [it for name, it in sized.items() if name in STATES and near(it, actions, NEAR_STEPS)]
    if len(STEPS & parts.keys()) >= FLAT:
        parts |= {it.name: it for it in states if not told_apart(it, actions, datasets, values)}
    parts = {name: it for name, it in parts.items() if not (name in ENDINGS and _are_last_rows(it, actions, values))}
    if len(parts) < 2:
        return
    odd = [it for it in parts.values() if it.rows != actions.rows]
    ends = {
        1,
        *(sum(map(int, _flags(it, values))) + more for it in parts.values() if it.name in ENDINGS for more in (0, 1)),
    }
    ends |= {it.rows for it in datasets if _are_last_rows(it, actions, values)}
    transitions = {it.rows for it in parts.values() if it.name in NEXT}
    allowed = {it.rows for it in odd if it.name in SEEN and it.rows - actions.rows in ends}
    episodes = ends | {it.rows for it in sized.values()}  # of a dataset with a row for each
    allowed |= {it.rows for it in odd if it.name in STATES and it.rows - actions.rows in episodes}
    allowed -= transitions
    wrong = [it for it in odd if it.rows not in allowed or it.name in STEPS - ENDINGS]  # flags may follow observations
    if wrong:
        counts = [(escape(it.path), it.rows) for _, it in sorted(parts.items())]
        sure = [it for it in wrong if it.name not in STATES or it.rows < actions.rows - 1]
        yield _unequal_finding(counts, certain=any(near(it, actions) and it.rows not in allowed for it in sure))


def is_step(dataset: Dataset, datasets: Sequence[Dataset]) -> bool:
    """Check whether `step_counts` compares the observations or states in a dataset with the actions beside it."""
    names = {it.name for it in datasets}
    seen = dataset.name in SEEN or (dataset.name in STATES and len(STEPS & names) >= FLAT)
    return seen and not ACTIONS.isdisjoint(names)


def _are_last_rows(dataset: Dataset, actions: Dataset, values: Values) -> bool:
    """Check whether a dataset holds, in ascending order, the last row of each episode, or the row after it."""
    if len(dataset.shape) != 1 or dataset.dtype.kind not in "iu" or not 0 < dataset.rows < actions.rows:
        return False
    rows = values(dataset)
    return rows is not None and bool((rows[1:] > rows[:-1]).all()) and actions.rows - 1 <= int(rows[-1]) <= actions.rows


def _flags(dataset: Dataset, values: Values) -> Sequence[int]:
    """Return the flags of steps as 0 and 1, or an empty list if the dataset holds other numbers."""
    flags = values(dataset) if len(dataset.shape) == 1 and dataset.dtype.kind in "biuf" else None
    return [] if flags is None or not np.isin(flags, (0, 1)).all() else flags.astype(np.int64).tolist()


INFOS = frozenset({b"infos", b"info", b"env_infos"})
"""Names of groups, beside the datasets of transitions, that hold further values for each step."""


def info_counts(datasets: Sequence[Dataset], infos: Sequence[Dataset]) -> Iterator[Finding]:
    """Yield a finding for each dataset of `infos` that has nearly, but not exactly, one row per action."""
    steps = next((it for it in datasets if it.name in ACTIONS and it.shape), None)
    if steps is None:
        return
    for it in infos:
        as_long = it.shape and it.columns and near(it, steps, NEAR_STEPS)
        if as_long and it.rows not in (steps.rows, steps.rows + 1):
            yield _unequal_finding([(escape(steps.path), steps.rows), (escape(it.path), it.rows)])


def row_counts(
    group: bytes, datasets: Sequence[Dataset], options: StoreOptions, values: Values = lambda _: None
) -> Iterator[Finding]:
    """Yield a finding for each label dataset of a group whose number of rows differs from that of the data."""
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
            closest = _closest(label, data.values()) or other
            other = closest if near(label, closest, CLOSEST) else other
            other = _without_rows(label, data.values(), datasets) or other
        across = any(_is_across(label, dataset) for dataset in data.values())
        rows = [it for it in data.values() if not (STARTS | ENDS) & words(it.name)]
        wrong = wrong and not across and not any(_is_joined(label, it, sized.values()) for it in (other, *rows))
        if wrong and other is not label and not _is_of_whole_file(label, other):
            yield from _label_findings(label, other, datasets, values)


def _closest(label: Dataset, data: Iterable[Dataset]) -> Dataset | None:
    """Return the dataset whose number of rows is closest to that of the labels."""
    return min(data, key=lambda it: abs(it.rows - label.rows), default=None)


def _label_findings(label: Dataset, data: Dataset, datasets: Sequence[Dataset], values: Values) -> Iterator[Finding]:
    """Yield a finding for labels that differ in number from the data, unless something shows that they may.

    It is certain if the numbers are nearly equal, if labels of the form (row, class) lead beyond the data, or if there
    is no data.
    """
    rows = _paired_rows(label, values)
    if (rows is not None and data.rows // 2 <= rows < data.rows) or told_apart(label, data, datasets, values):
        return
    if label.rows and label.holds <= TEXTS and not near(label, data) and _is_distinct(label, values):
        return  # names of classes
    beyond = rows is not None and data.rows <= rows < 2 * data.rows
    also_data = label.name in OR_DATA and are_of_one_kind(label, data)
    certain = not data.rows or beyond or (near(label, data) and not also_data)
    yield _unequal_finding([(escape(data.path), data.rows), (escape(label.path), label.rows)], certain=certain)


def _is_distinct(dataset: Dataset, values: Values) -> bool:
    numbers = values(dataset) if len(dataset.shape) == 1 else None
    return numbers is not None and len(set(numbers.tolist())) == len(numbers)


def _is_of_whole_file(label: Dataset, data: Dataset) -> bool:
    """Check whether there is one label for the whole file (a clip, a graph), or the labels are another domain."""
    domains = label.name in OR_DATA and data.name in SOURCES and are_of_one_kind(label, data)
    return (label.rows == 1 and data.rows > 1) or domains


def _without_rows(label: Dataset, data: Iterable[Dataset], datasets: Sequence[Dataset]) -> Dataset | None:
    """Return a dataset that is named as data but has no rows, or None if other data has rows or matches the labels."""
    if label.rows < 2 or any(it.rows in (label.rows, label.rows + 1) for it in data):
        return None
    candidates = [it for it in datasets if it.name.lower() in DATA | SEEN and it.columns and it.shape]
    return next((it for it in candidates if not it.rows), None) if not any(it.rows for it in candidates) else None


def _paired_rows(label: Dataset, values: Values) -> int | None:
    """Return the last row of the data that labels refer to, or None if they are not ascending (row, class) pairs."""
    if len(label.shape) != 2 or label.shape[1] not in (2, 3) or label.dtype.kind not in "iu":
        return None
    pairs = values(label)
    if pairs is None or not len(pairs):
        return None
    rows = pairs[:, 0].astype(np.int64)
    ascending = bool((rows[1:] >= rows[:-1]).all()) and rows[0] >= 0
    return int(rows[-1]) if ascending else None


def _is_across(label: Dataset, data: Dataset) -> bool:
    """Check whether the samples of the labels or the data run along the last axis, as in MATLAB, or the second one.

    SpliceAI has Y0 of 1 x 100 x 5000 x 3 beside X0 of 100 x 15000 x 4.
    """
    samples = {data.shape[0], data.shape[-1]}
    if len(label.shape) == 1:
        return len(data.shape) > 1 and label.rows == data.shape[-1]
    return label.rows == 1 and (label.shape[1] in samples if len(label.shape) == 2 else label.shape[1] == data.rows)


def _is_joined(label: Dataset, data: Dataset, datasets: Iterable[Dataset]) -> bool:
    """Check whether one of the datasets holds, by its name, dtype and height, the first label of each row of the data.

    Its name has one of STARTS, and either the name of the labels as well, or another dataset of this height has one of
    ENDS. Or there is one label per run of rows, and a dataset of where the runs begin has as many rows.
    """
    vectors = [it for it in datasets if it.is_integer_vector and it is not label]
    runs = [it for it in vectors if it.rows in (label.rows, label.rows + 1)]
    if label.rows < data.rows and any(STARTS & words(it.name) for it in runs):
        return True
    aligned = [it for it in datasets if it.dtype.kind in "iu" and it.rows in (data.rows, data.rows + 1)]
    words_of = {it.name: words(it.name) for it in aligned if it is not label}
    stem = label.name.lower().removesuffix(b"s")
    ends = any(ENDS & name_words for name_words in words_of.values())
    return any(STARTS & name_words and (ends or {stem, stem + b"s"} & name_words) for name_words in words_of.values())


def together(
    lengths: Mapping[bytes, int | None], options: StoreOptions, unknown: Collection[bytes] = ()
) -> Iterator[Finding]:
    """Yield a finding for each group of `options.together` whose datasets differ in length or are missing.

    `unknown` are the paths of links that are not followed. The lengths of datasets at and below them are not known, so
    missing ones are not reported here; the scan reports the links.
    """
    for wanted in options.together:
        encoded = [path.encode("utf-8", "surrogateescape") for path in wanted]
        for paths in _matching_paths(encoded, lengths):
            known = [
                it for it in paths if it in lengths or not any((it + b"/").startswith(to + b"/") for to in unknown)
            ]
            counts = [(escape(path), lengths.get(path)) for path in known]
            if len({count for _, count in counts}) > 1 or (counts and counts[0][1] is None):
                yield _unequal_finding(counts)


def _matching_paths(wanted: Sequence[bytes], lengths: Mapping[bytes, int | None]) -> Sequence[Sequence[bytes]]:
    """Return the lists of paths that belong together, taking the requested paths literally or as the ends of paths.

    As ends of paths, they belong together in every group that has all of them. `*` matches any text within a name; in
    the name of a group it matches the same text for all of them: data/*/actions,data/*/obs/* are compared per episode.
    """
    paths = [b"/" + path.strip(b"/") for path in wanted]
    if all(path in lengths for path in paths):
        return [paths]
    shared = min(path.rpartition(b"/")[0].count(b"*") for path in paths)
    patterns = [_pattern(path, rooted=it.startswith(b"/")) for it, path in zip(wanted, paths, strict=True)]
    places: dict[tuple[bytes, ...], list[list[bytes]]] = defaultdict(lambda: [[] for _ in patterns])
    for path in lengths:
        for number, pattern in enumerate(patterns):
            match = pattern.fullmatch(path)
            if match is not None:
                places[match.groups()[: shared + 1]][number].append(path)
    complete = [list(dict.fromkeys(itertools.chain(*found))) for found in places.values() if all(found)]
    return complete or [paths]


def _pattern(path: bytes, *, rooted: bool) -> re.Pattern[bytes]:
    """Return the pattern for a path, with a regex group for its prefix and for each star in the name of a group."""
    above, _, name = path.rpartition(b"/")
    parts = re.escape(above).replace(rb"\*", rb"([^/]*)") + b"/" + re.escape(name).replace(rb"\*", rb"[^/]*")
    return re.compile((b"()" if rooted else b"(.*)") + parts, re.DOTALL)


def _unequal_finding(counts: Counts, *, certain: bool = True) -> Finding:
    are_equal = len({rows for _, rows in counts}) == 1 and counts[0][1] is not None
    alike = " and are not the same ones, since a rebuild dropped some" if are_equal else ""
    message = f"{counts_text(counts)}{alike}; they {'' if certain else 'may '}belong together"
    return found("row-count", message, verdict=None if certain else "suspicious", rows=dict(counts))


def counts_text(counts: Counts) -> str:
    """Return a phrase that says how many rows each dataset has.

    >>> counts_text([("/x", 1200), ("/y", 1), ("/z", None)])
    '/x has 1,200 rows, /y has 1 row, /z is not there'
    """
    parts = (
        f"{path} {'is not there' if rows is None else f'has {rows:,} row' + 's' * (rows != 1)}" for path, rows in counts
    )
    return ", ".join(parts)
