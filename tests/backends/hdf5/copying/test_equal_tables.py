"""Tables that a rebuild makes equally long are as many tables to the next scan, with the same names."""

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions


def tables(path):
    return {
        it.name: (it.rows, [dataset.path for dataset in it.datasets])
        for it in Hdf5Reader.recognise(path, StoreOptions()).contents(0).tables
    }


def with_nan(rows, *at):
    values = np.random.default_rng(rows).normal(size=(rows, 3))
    values[list(at)] = np.nan
    return values


def clean_copy(path, name="copy.h5"):
    copy = path.with_name(name)
    rebuild(path, copy, drop_bad=True, workers=1)
    return copy


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("group", ["", "g/"])
def test_a_table_that_becomes_as_long_as_another_stays_a_table_of_its_own(tmp_path, group, tracked):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w", track_order=tracked) as file:
        file[f"{group}train"], file[f"{group}train_words"] = with_nan(20, 7), np.array([b"w"] * 20)
        file[f"{group}test"], file[f"{group}test_id"] = with_nan(19), np.arange(19)
        file[f"{group}train"].attrs["unit"], file[f"{group}train"].attrs["zone"] = "m", 3
    assert [it.key for it in scan(path, workers=1).findings] == [f"/{group}train[7]"]
    copy = clean_copy(path)
    of = {name: (19 if "train" in name else rows, its) for name, (rows, its) in tables(path).items()}
    assert tables(copy) == of
    report = scan(copy, workers=1)
    assert (report.status, report.checked) == (0, 38)
    with h5py.File(copy) as file:
        assert set(file[f"{group}train"].attrs) == {"unit", "zone", "datacheck_table"}
        assert dict(file[f"{group}test"].attrs) == {}


def test_rows_that_are_dropped_from_such_a_copy_leave_their_own_table_alone(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["a"], file["b"], file["c"] = with_nan(20, 7), with_nan(19), with_nan(18)
    first = clean_copy(path)
    with h5py.File(first, "r+") as file:
        file["a"][3] = np.nan
        file["b"][11] = np.nan
    assert sorted(it.key for it in scan(first, workers=1).findings) == ["/a[3]", "/b[11]"]
    second = clean_copy(first, "second.h5")
    assert {name: rows for name, (rows, _) in tables(second).items()} == {"/a": 18, "/b": 18, "/c": 18}
    with h5py.File(second) as copy, h5py.File(path) as file:
        assert copy["a"][:].tobytes() == np.delete(file["a"][:], [3, 7], 0).tobytes()
        assert copy["b"][:].tobytes() == np.delete(file["b"][:], 11, 0).tobytes()
        assert copy["c"][:].tobytes() == file["c"][:].tobytes()


def test_tables_that_stay_unlike_get_no_mark(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["a"], file["b"], file["g/c"] = with_nan(20, 7, 8), with_nan(19), with_nan(18)
    with h5py.File(clean_copy(path)) as copy:
        assert [len(copy[name].attrs) for name in ("a", "b", "g/c")] == [0, 0, 0]


def test_labels_that_a_rebuild_makes_as_many_as_their_data_are_still_not_theirs(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["label"] = with_nan(20, 7), np.arange(19)
    assert set(scan(path, workers=1).counts) == {"row-count", "nan"}
    report = scan(clean_copy(path), workers=1)
    (finding,) = report.findings
    assert finding.code == "row-count"
    assert finding.message == (
        "/data has 19 rows, /label has 19 rows and are not the same ones, since a rebuild dropped some; "
        "they belong together"
    )


@pytest.mark.parametrize("value", [3, np.array([b"/a", b"/b"]), h5py.Empty("f4"), "é" * 3, b"x" * 60_000])
def test_an_attribute_of_that_name_that_somebody_else_wrote_breaks_nothing(tmp_path, value):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["a"], file["b"] = with_nan(20, 7), with_nan(19)
        file["a"].attrs["datacheck_table"] = value
    assert [it.key for it in scan(path, workers=1).findings] == ["/a[7]"]
    assert set(tables(clean_copy(path))) == {"/a", "/b"}


def test_texts_that_a_table_becomes_as_long_as_are_not_taken_into_it(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["words"] = with_nan(20, 7), np.array([b"w"] * 19)
    copy = clean_copy(path)
    assert tables(copy) == {"/": (19, [b"/data"])}
