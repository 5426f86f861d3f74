"""Each column of a table has a name of its own, and no count of rows is guessed where an index joins datasets."""

import h5py
import numpy as np
import pytest

from datacheck import scan
from datacheck.backends.hdf5.columns import columns, distinct_names
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.h5"


def points(rows=6, **members):
    made = np.zeros(rows, [(name, "f4") for name in members])
    for name, values in members.items():
        made[name] = values
    return made


BAD = np.array([1, 2, np.nan, 4, 5, 6], "f4")
GOOD = np.arange(1, 7, dtype="f4")
ALIKE = [
    ({"points": points(x=BAD), "points.x": GOOD}, "points.x", r"points\x2ex"),
    ({"points": points(x=GOOD), "points.x": BAD}, r"points\x2ex", "points.x"),
    ({"p": points(**{"x.y": BAD}), "p.x": points(y=GOOD)}, r"p.x\x2ey", r"p\x2ex.y"),
    ({"a\x01": BAD, "a\\x01": GOOD}, r"a\x01", r"a\x5cx01"),
    ({"a\x01": GOOD, "a\\x01": BAD}, r"a\x5cx01", r"a\x01"),
]


@pytest.mark.parametrize(("datasets", "bad", "good"), ALIKE)
def test_two_fields_that_would_print_alike_are_both_judged(path, datasets, bad, good):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    report = scan(path, workers=1)
    assert [(it.key, it.code, it.field) for it in report.findings] == [("/[2]", "nan", bad)]
    assert set(report.statistics) == {bad, good}
    assert scan(path, workers=1, allow_nan=[bad]).status == 0
    assert scan(path, workers=1, allow_nan=[good]).status == 1


def test_a_name_that_no_other_is_like_stays_as_it_is(path):
    with h5py.File(path, "w") as file:
        file["points.x"], file["points"], file["a\x01"] = GOOD, points(y=GOOD), GOOD
    assert set(scan(path, workers=1).statistics) == {"points.x", "points.y", r"a\x01"}


def test_names_are_distinct_even_where_one_is_spelled_like_another():
    f4 = np.dtype("f4")
    record = np.dtype([("x", "f4"), (r"\x2ex", "f4")])
    names = {b"/p": (b"p", record), b"/p.x": (b"p.x", f4), b"/q": (rb"p\x2ex", f4), b"/r": (rb"p.\x2ex", f4)}
    named = {path: (name, list(columns(name.decode(), dtype))) for path, (name, dtype) in names.items()}
    made = distinct_names(named)
    spelled = [it for path, (_, its) in named.items() for it in made.get(path, [column.name for column in its])]
    assert len(set(spelled)) == len(spelled) == 5


def row_counts(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return [it.code for it in Hdf5Reader.recognise(path, StoreOptions()).layout().findings]


IMAGES, LABELS = np.zeros((20, 4)), np.ones((100, 16), "i4")


@pytest.mark.parametrize(
    "joined",
    [
        {"label_start_ix": np.arange(20), "label_end_ix": np.arange(20)},
        {"label_start_ix": np.arange(20)},
        {"first": np.arange(20), "count": np.arange(20)},
        {"labels_offsets": np.arange(21)},
        {"labels_indptr": np.arange(21)},
    ],
)
def test_labels_joined_by_start_indexes_may_be_more_than_there_are_rows(path, joined):
    assert row_counts(path, images=IMAGES, labels=LABELS, **joined) == []


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"start_time": np.arange(20)},
        {"label_start_ix": np.arange(19)},
        {"label_start_ix": np.arange(19), "label_end_ix": np.arange(19)},
        {"label_start_ix": np.arange(20.0)},
        {"offset": np.arange(20)},
        {"restart": np.arange(20), "count": np.arange(20)},
    ],
)
def test_other_labels_are_as_many_as_there_are_rows(path, beside):
    assert row_counts(path, images=IMAGES, labels=LABELS, **beside) == ["row-count"]
