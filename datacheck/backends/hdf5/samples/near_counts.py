"""Find datasets of one group that have nearly, but not exactly, as many rows as others that they may belong to.

Two datasets may belong together if their names differ in one word, and the two words are a pair that training may read
side by side. Each noisy picture has its clean one, so another number of them is a fault. Queries and passages, pictures
and captions, or two domains need not be equally many, so that is only suspicious.

Columns may belong together if three or more flat ones have the same length and one is a little longer or shorter. That
is a fault if they are the coordinates of points or events. Otherwise it is suspicious, since sensors may have clocks of
their own. Columns that all rise, or all fall, are the axes of a grid.

Labels that MATLAB wrote as a column are compared with the axis of the data that may have the samples.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.names import FEATURES, LABELS, PLACES, words
from datacheck.backends.hdf5.samples.last_axis import is_axis
from datacheck.backends.hdf5.samples.row_counts import ENDS, PARTS, STARTS, counts_text, is_step, other_words
from datacheck.backends.hdf5.samples.samples import CHANNELS
from datacheck.backends.hdf5.samples.told_apart import are_of_one_kind, near, told_apart
from datacheck.lazy_re import compiled_later
from datacheck.model.cells import NUMBERS, TEXTS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace
from datacheck.model.sample_sets import SETS


class Pair(NamedTuple):
    """Words in the names of two datasets that training reads side by side.

    `certain` means that each row of one must have its row in the other. `flat` means that this holds even if a row is a
    single number, as in a signal and its clean original; `lr` and `hr`, for example, may be learning rates and heart
    rates if they are single numbers.
    """

    some: frozenset[bytes]
    other: frozenset[bytes]
    certain: bool = False
    flat: bool = False
    across: bool = False
    """Whether they are a pair only if the samples of both run along the last axis, because MATLAB wrote them."""
    asked: bool = False
    """Whether they are questions and answers: numbers of rows beside them are those of their pictures."""
    placed: bool = False
    """Whether they are features and their places: there may be a batch of one, or tokens without a place."""
    domains: bool = False
    """Whether they are two domains, and not what is read and what is written, if either has labels of its own."""


def _pair(some: bytes, other: bytes, **kind: bool) -> Pair:
    return Pair(frozenset(some.split()), frozenset(other.split()), **kind)


PAIRS = (
    _pair(b"noisy blurred degraded corrupted", b"clean sharp", certain=True, flat=True),
    _pair(b"lr lq", b"hr gt hq", certain=True),
    _pair(b"input inputs", b"output outputs", certain=True),
    _pair(b"in", b"out"),
    _pair(b"a", b"u", certain=True, across=True),
    _pair(b"jet jets", b"track tracks particle particles constituent constituents", certain=True, flat=True),
    _pair(b"audio audios wav wave waveform speech signal", b"text texts transcript transcripts transcription sentence"),
    _pair(b"coeff coeffs", b"sol solution solutions", certain=True),
    _pair(b"anchor anchors", b"positive positives", certain=True),
    _pair(b"question questions", b"answer answers", certain=True, flat=True, asked=True),
    _pair(b"point points", b"value values sdf occupancy occupancies", certain=True),
    _pair(b"low", b"high gt"),
    _pair(b"image images img imgs", b"mask masks seg segmentation segmentations depth depths"),
    _pair(b"source src", b"target tgt trg", domains=True),
    _pair(b"video videos image images", b"text texts caption captions audio"),
    _pair(b"query queries", b"positive positives passage passages"),
    _pair(b"neighbors neighbours", b"test query queries"),
    _pair(b"distances", b"test query queries"),
    Pair(FEATURES, PLACES, certain=True, placed=True),
    Pair(FEATURES, frozenset({b"boxes", b"bboxes", b"bbox"})),
    _pair(b"data image images img imgs input inputs feature features feats", b"label labels target targets"),
)
GLUED = compiled_later(
    rb"(train|valid|val|test|tr|va|cv|te|tt)(%s)"
    % b"|".join(sorted(it for pair in PAIRS for it in pair.some | pair.other if len(it) > 3))
)
"""A word of a pair behind the set that it is of."""
COORDINATES = frozenset(b"x y z t ts timestamp timestamps p pol polarity r g b red green blue intensity".split())
"""Names of the parts of a point, or of an event of a camera."""
NUMBERS_OF = frozenset(b"id ids idx idxs index indexes indices ind inds".split())
NAMES = frozenset(b"name names filename filenames file files path paths key keys uid uids".split())
OF_AXES = frozenset(b"mean means std stds var variance median min max mu sigma scale".split())
"""Words for what has one value for each feature, and no row for each record."""
OWN_ROWS = frozenset(
    b"edge edges face faces triangle triangles tri tris quads element elements elem elems connectivity cell cells tets "
    b"node nodes vertex vertices bond bonds links lines matches pairs senders receivers simplices facets angles "
    b"dihedrals torsions adj adjacency neighbors neighbours knn relation relations triples triplets entity entities "
    b"gallery probe query queries db database base vocab vocabulary dictionary lexicon user users item items movie "
    b"movies author authors paper papers gene genes peak peaks varm spikes components centroids prototypes".split()
)
"""Words for what rarely has as many rows as other things: nodes and edges of a graph or mesh, queries and what is
searched, users and items, the words of a vocabulary."""
LISTED = frozenset(b"vocab vocabulary vocabularies dictionary lexicon".split())
"""Words for lists of words: those of two languages are not read side by side."""
OF_SET = compiled_later(
    rb"(?:train|valid|val|test|trn|vld|tst|tr|va|te|ts)(?![a-z])|(?<![a-z])(?:trn|vld|tst|tr|va|te|ts)"
)
"""Matches the set in a name, also where nothing is between it and the rest: Xtrain, tr_img."""
TIMES, LEAST = (b"_ts", b"_timestamp", b"_timestamps"), 10
"""Ends of the names of times of what has the rest as its name (image_raw and image_raw_ts of MVSEC), and minimum
number of them. They only rise: y_ts may also be labels of a test set."""
DERIVED, STENCIL = frozenset(b"acc accs accel acceleration accelerations jerk diff diffs delta deltas".split()), 2
"""Words in the names of differences, and how many rows fewer than what they are of second ones have."""
PARTED = frozenset(
    b"real fake generated synthetic labeled labelled unlabeled unlabelled signal background sig bkg normal abnormal "
    b"anomaly anomalies anomalous healthy sick member members nonmember nonmembers positive positives negative "
    b"negatives pos neg good defect defective domain domains dataset datasets fold folds split splits session sessions "
    b"patient patients subject subjects source src target tgt trg male female".split()
)
"""Words in the names of two sets that samples are divided into by what they are or come from, if both have one."""
PARAMETERS = frozenset(
    b"w weight weights kernel kernels factor factors embedding embeddings emb vector vectors vec vecs codebook encoder "
    b"decoder basis".split()
)
"""Words in the names of learned arrays, which have a row for each input, user, word or such."""
LAYERS = frozenset(b"kernel kernels bias biases recurrent codebook encoder decoder".split())
"""Words in the names of what only a model has: what lies beside it is of other layers."""
TOKENS = frozenset({1, 2, 5})
"""Numbers of tokens beside those of the patches of a picture: for the class, its teacher, and four registers."""
FEW_WIDE, ALIKE, FEW_ALIKE = 20, 4, 2
NEARLY = 0.9
"""Minimum share of the usual number of rows that labels must have to be those of the others."""
COLUMNS, LONG, CLOSE, VERY_CLOSE = 3, 100, 0.95, 0.98
"""Minimum number of columns of the same length, minimum length, and how near to it the odd one must be, as a share;
the same of two datasets that have nothing else in common."""


def near_counts(
    datasets: Sequence[Dataset], before: Iterable[Finding] = (), values: Values = lambda _: None
) -> Iterator[Finding]:
    """Yield a finding for each pair and each odd column of one group, unless a finding in `before` names either one.

    If a dataset holds where the rows of each record begin or end, the others may have any number of rows, and there are
    no findings.
    """
    full = [it for it in datasets if it.shape and it.rows and it.holds]
    numeric = [it for it in full if it.holds == {NUMBERS}]
    if any((STARTS | ENDS) & words(it.name) for it in datasets):
        return
    reported = {path for finding in before for path in finding.details.get("rows", ())}
    pairs: set[frozenset[str]] = set()
    candidates = (
        ("by their names", _pairs(full)),
        ("as columns that lie side by side", _columns(numeric, values)),
        ("by their shapes", _in_width(numeric)),
        ("as rows and what they are called", _lists(full)),
        ("as rows and what they are called", _lists_of_sets(full)),
        ("as values and their times", _timed(full, values)),
        ("as all others have one number of rows", _odd_one(full)),
        ("as the only two datasets", _only_two(full)),
        ("as the data and the labels of MATLAB", _in_a_column(numeric)),
    )
    for relation, found_ones in candidates:
        for some, other, certain in found_ones:
            both = escape(some.path), escape(other.path)
            pair = frozenset(both)
            if pair not in pairs and reported.isdisjoint(both) and not told_apart(some, other, datasets, values):
                pairs.add(pair)
                yield _unequal_finding(some, other, certain=certain, relation=relation)


def _pairs(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset, bool]]:
    """Yield datasets whose names differ in the words of a pair, with nearly as many rows, and whether it is certain."""
    for by_word in _by_other_words(datasets):
        for pair in PAIRS:
            first = next((by_word[it] for it in sorted(pair.some) if it in by_word), None)
            second = next((by_word[it] for it in sorted(pair.other) if it in by_word), None)
            if first is None or second is None:
                continue
            if pair.placed:
                first, second = _without_batch(first, second)
            if first.rows == second.rows or not near(first, second):
                continue
            if pair.across and not (first.across and second.across):
                continue
            if pair.placed and _have_tokens(first, second):
                continue
            if pair.domains and any(words(it.name) & LABELS and words(it.name) & pair.some for it in datasets):
                continue
            joined = any(it.rows in (first.rows, second.rows) and _is_reference(it) for it in datasets)
            if pair.asked or not joined:
                flat = len(first.shape) == 1 or len(second.shape) == 1
                yield first, second, pair.certain and (pair.flat or not flat)


def _by_other_words(datasets: Sequence[Dataset]) -> Iterator[dict[bytes, Dataset]]:
    """Yield the datasets whose names differ in one word only, by that word, if there are several."""
    named: dict[tuple[bytes, ...], dict[bytes, Dataset]] = defaultdict(dict)
    for dataset in datasets:
        parts = [part for it in PARTS.findall(dataset.name) for part in _unglued(it.lower())]
        if not (OF_AXES | LISTED).isdisjoint(parts):
            continue
        for at, word in enumerate(parts):
            named[(*parts[:at], b"*", *parts[at + 1 :])].setdefault(word, dataset)
    yield from (it for it in named.values() if len(it) > 1)


def _without_batch(features: Dataset, places: Dataset) -> tuple[Dataset, Dataset]:
    """Return features and places without their first axis if it is of a batch of one."""
    if not all(it.rows == 1 and len(it.shape) == 3 for it in (features, places)):
        return features, places
    return replace(features, shape=features.shape[1:]), replace(places, shape=places.shape[1:])


def _have_tokens(features: Dataset, places: Dataset) -> bool:
    """Check whether features may be those of the patches of a square picture and of tokens without a place."""
    return features.rows - places.rows in TOKENS and math.isqrt(places.rows) ** 2 == places.rows


def _unglued(word: bytes) -> list[bytes]:
    """Return the set and the word that is left, for a word that begins with the set: tr and noisy of trnoisy."""
    found = GLUED.fullmatch(word)
    return [word] if found is None else list(found.groups())


def _is_reference(dataset: Dataset) -> bool:
    """Check whether each row of a dataset is the number of something, such as the picture that a box belongs to."""
    return dataset.is_integer_vector and bool(NUMBERS_OF & words(dataset.name))


def _columns(datasets: Sequence[Dataset], values: Values) -> Iterator[tuple[Dataset, Dataset, bool]]:
    flat = [it for it in datasets if len(it.shape) == 1]
    (rows, count), *_ = Counter(it.rows for it in flat).most_common(1) or [(0, 0)]
    usual = [it for it in flat if it.rows == rows]
    odd = [it for it in flat if it.rows != rows and near(it, usual[0], CLOSE)]  # others have lengths of their own
    if count < COLUMNS or rows < LONG or len(odd) != 1 or abs(odd[0].rows - rows) <= 1:
        return
    if not all(is_axis(values(it)) for it in (*usual, *odd)):
        yield usual[0], odd[0], all(it.name.lower() in COORDINATES for it in (*usual, *odd))


def _in_width(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset, bool]]:
    """Yield the only dataset that is a little longer or shorter than others with the same second axis.

    They may be the boxes of each picture.
    """
    deep = [it for it in datasets if len(it.shape) > 2]
    (rows, count), *_ = Counter(it.rows for it in deep).most_common(1) or [(0, 0)]
    odd = [it for it in deep if it.rows != rows]
    usual = [it for it in deep if it.rows == rows]
    if count < 2 or rows < FEW_WIDE or len(odd) != 1 or len({it.shape[1] for it in deep}) > 1:
        return
    if any(words(it.name) & SETS for it in deep) or any(are_of_one_kind(odd[0], it) for it in usual):
        return
    if deep[0].shape[1] > CHANNELS and near(odd[0], usual[0], CLOSE):
        yield usual[0], odd[0], False


def _lists(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset, bool]]:
    """Yield the datasets of texts or ids that are a little longer or shorter than all others, which have one length."""
    lists = [
        it for it in datasets if len(it.shape) == 1 and (it.holds <= TEXTS or (NUMBERS_OF | NAMES) & words(it.name))
    ]
    others = [it for it in datasets if it not in lists]
    if len({it.rows for it in others}) != 1 or others[0].rows < FEW_WIDE:
        return
    for it in lists:
        if it.rows != others[0].rows and near(it, others[0], CLOSE):
            yield others[0], it, False


def _lists_of_sets(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset, bool]]:
    """Yield the texts of each set that are a little longer or shorter than all others of it: headers of a test set."""
    of_set: dict[bytes, list[Dataset]] = defaultdict(list)
    for it in datasets if any(it.holds <= TEXTS for it in datasets) else ():
        for word in words(it.name) & SETS:
            of_set[word].append(it)
    if len(of_set) > 1:  # otherwise they are compared with all others
        yield from (it for some in of_set.values() if len(some) > FEW_ALIKE for it in _lists(some))


def _timed(datasets: Sequence[Dataset], values: Values) -> Iterator[tuple[Dataset, Dataset, bool]]:
    """Yield values and their times, by name, that differ in number; it is certain if others of the group agree."""
    by_name = {it.name.lower(): it for it in datasets}
    stamped = (
        (by_name.get(name[: -len(end)]), it) for name, it in by_name.items() for end in TIMES if name.endswith(end)
    )
    both = [(some, times) for some, times in stamped if some is not None and len(times.shape) == 1]
    agreeing = any(some.rows == times.rows for some, times in both)
    for some, times in both:
        if near(some, times) and abs(some.rows - times.rows) > 1 and times.rows >= LEAST and is_axis(values(times)):
            yield some, times, agreeing


def _odd_one(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset, bool]]:
    """Yield the only dataset with another number of rows than several others; it is certain for labels by name.

    A row of any other one has to be an array, since a flat one may be an axis or a list of something else. Two or three
    others are enough at the root of a file, if they have many rows.
    """
    (rows, count), *_ = Counter(it.rows for it in datasets).most_common(1) or [(0, 0)]
    usual = [it for it in datasets if it.rows == rows]
    odd = [it for it in datasets if it.rows != rows and not _are_names_of_others(it, rows)]
    if count < FEW_ALIKE or rows < FEW_WIDE or len(odd) != 1 or abs(odd[0].rows - rows) <= 1:
        return
    if is_step(odd[0], datasets):
        return
    is_label = bool(LABELS & words(odd[0].name))
    if count < ALIKE:
        arrays = [it for it in usual if len(it.shape) > 1]
        named = all(it in arrays or it.holds <= TEXTS for it in usual)  # the names of what the arrays are of
        few = named and bool(arrays) and len(odd[0].shape) > 1 and _are_few_rows_apart(odd[0], arrays)
    else:
        few = near(odd[0], usual[0], NEARLY if is_label else CLOSE) and (is_label or len(odd[0].shape) > 1)
    if few:
        yield usual[0], odd[0], is_label and count >= ALIKE


def _are_names_of_others(dataset: Dataset, rows: int) -> bool:
    """Check whether texts, of which there are much fewer or more than rows, are the names of columns or the like."""
    return len(dataset.shape) == 1 and dataset.holds <= TEXTS and abs(dataset.rows - rows) > (1 - CLOSE) * rows


def _are_few_rows_apart(odd: Dataset, others: Sequence[Dataset]) -> bool:
    """Check whether a dataset at the root of a file is a few rows longer or shorter than others, for no good reason."""
    if odd.path.count(b"/") > 1 or any(it.holds != {NUMBERS} for it in (odd, *others)):
        return False  # in other groups there may be more
    of_odd, of_others = words(odd.name), frozenset[bytes]().union(*(words(it.name) for it in others))
    apart = any(of_odd & of_both and of_others & of_both for of_both in (PARAMETERS, PARTED))
    if apart or (of_odd | of_others) & (SETS | OWN_ROWS | LAYERS) or any(are_of_one_kind(odd, it) for it in others):
        return False
    if any(_are_of_sets(odd, it) or _are_of_one_grid(odd, it) for it in others):
        return False
    if of_odd & DERIVED and 0 < others[0].rows - odd.rows <= STENCIL:
        return False
    fewest = min(odd.rows, others[0].rows)
    return fewest >= LONG and abs(odd.rows - others[0].rows) > 1 and near(odd, others[0], VERY_CLOSE)


def _are_of_sets(some: Dataset, other: Dataset) -> bool:
    """Check whether the names of two datasets differ only in the set that they are of, as in Xtrn and Xtst."""
    some_left, other_left = (OF_SET.sub(b"*", it.name.lower()) for it in (some, other))
    return some_left == other_left and b"*" in some_left and some.name != other.name


def _are_of_one_grid(some: Dataset, other: Dataset) -> bool:
    """Check whether two fields lie on grids that are nearly square and differ in both axes.

    The components of a flow lie on the sides of the cells, and may have a margin along one axis.
    """
    if min(len(some.shape), len(other.shape)) < 2:
        return False
    sizes = (*some.shape[:2], *other.shape[:2])
    return some.shape[1] != other.shape[1] and min(sizes) >= CLOSE * max(sizes)


def _only_two(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset, bool]]:
    """Yield two arrays of many rows of unlike shape, with nothing beside them, if one is a few rows shorter.

    Those that MATLAB wrote may have their samples on the last axis.
    """
    if len(datasets) != 2 or any(len(it.shape) < 2 for it in datasets):
        return
    some, other = datasets
    if some.matlab and other.matlab and some.shape[0] != other.shape[0] and not near(some, other):
        some, other = (replace(it, shape=(it.shape[-1], *it.shape[:-1])) for it in (some, other))
    if not _have_tokens(some, other) and not _have_tokens(other, some) and _are_few_rows_apart(some, [other]):
        yield some, other, False


def _in_a_column(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, Dataset, bool]]:
    """Yield labels that MATLAB has as a column, as its rows, with data of which one outer axis is nearly as long."""
    arrays = [it for it in datasets if it.matlab and len(it.shape) > 1]
    for label in arrays:
        if label.rows > 1 or len(label.shape) > 2 or not LABELS & words(label.name):
            continue
        count, rest = label.shape[1], other_words(label.name, is_label=True)
        is_label = label.name.lower() in LABELS
        data = [it for it in arrays if it.rows > 1 and (is_label or other_words(it.name, is_label=False) == rest)]
        if len(data) != 1 or count in data[0].shape:
            continue
        column = replace(label, shape=(count, 1))
        ends = {size for size in (data[0].shape[0], data[0].shape[-1]) if size >= FEW_WIDE}
        turned = [it for it in (replace(data[0], shape=(size, 1)) for size in ends) if near(column, it)]
        if len(turned) == 1:
            yield turned[0], column, True


def _unequal_finding(some: Dataset, other: Dataset, *, certain: bool, relation: str) -> Finding:
    counts = [(escape(it.path), it.rows) for it in (some, other)]
    message = f"{counts_text(counts)}; {relation} they {'' if certain else 'may '}belong together"
    return found("row-count", message, verdict=None if certain else "suspicious", rows=dict(counts))
