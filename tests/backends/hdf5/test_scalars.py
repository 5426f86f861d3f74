"""Numbers that are no rows are judged too: as part of the file, which has no record of them."""

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

BIG = np.array(np.inf, ">f8")


@pytest.mark.parametrize(
    ("name", "value", "code", "field", "message"),
    [
        ("mean", np.float32("nan"), "nan", "mean", "/mean: the value is NaN"),
        ("g/scale", BIG, "inf", "scale", "/g/scale: the value is infinite"),
        ("half", np.float16("-inf"), "inf", "half", "/half: the value is infinite"),
        ("c", np.complex64(complex(1, float("nan"))), "nan", "c", "/c: 1 of 2 values is NaN, first at [1]"),
        ("p", np.array((1, np.nan), [("x", "f4"), ("y", "f8")]), "nan", "p.y", "/p: the value is NaN"),
        ("a", np.array(([1, np.nan],), [("v", "f4", 2)]), "nan", "a.v", "/a: 1 of 2 values is NaN, first at [1]"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_scalar_that_is_not_finite_is_bad(tmp_path, name, value, code, field, message, workers):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["version"], file["motto"] = np.arange(4.0), 3.5, "all of it"
        file[name] = value
    report = scan(path, workers=workers)
    (finding,) = report.findings
    assert (finding.key, finding.code, finding.verdict, finding.field) == (None, code, "bad", field)
    assert finding.message.startswith(message)
    assert finding.details["dataset"] == f"/{name}"
    assert (report.status, report.checked, report.source.records) == (1, 4, 4)
    assert scan(path, checks=["shape"]).status == 0


def test_a_scalar_that_may_be_nan_is_sound_and_so_are_all_finite_ones(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["zero"], file["flag"] = np.arange(4.0), 0.0, True
        file["missing"], file["tiny"], file["count"] = np.nan, np.float16(6e-8), np.uint64(1 << 63)
    assert scan(path, allow_nan=["missing"]).status == 0
    assert scan(path).status == 1
    assert scan(path, allow_nan=["missing"], range=(1, 3)).counts == {"out-of-range": 1}


def test_a_range_for_a_scalar_is_obeyed_and_one_for_all_data_is_not_meant_for_it(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["scale"] = np.arange(1, 5.0), 255.0
    assert scan(path, range={"data": (0, 9)}).status == 0
    (finding,) = scan(path, range={"scale": (0, 1)}).findings
    assert (finding.code, finding.key, finding.field) == ("out-of-range", None, "scale")


def test_a_copy_keeps_a_scalar_as_it_is_and_says_that_it_is_bad(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["mean"] = [1.0, np.nan, 3.0], np.nan
    receipt = rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert (receipt.kept, receipt.dropped, [it.code for it in receipt.lost]) == (2, 1, ["nan"])
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert np.isnan(copy["mean"][()])
