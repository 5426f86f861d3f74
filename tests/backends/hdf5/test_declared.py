"""Values that a file declares to be missing or packed (netCDF), indexes of PyTables, cells of MATLAB."""

import string

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import UsageError

DRAW = np.random.default_rng(5)
FILL = np.float32(9.969209968386869e36)


def write(path, values, fill=None, **attributes):
    with h5py.File(path, "w") as file:
        variable = file.create_dataset("tas", data=values, fillvalue=fill)
        variable.attrs.update({name: np.array([it], getattr(it, "dtype", None)) for name, it in attributes.items()})
    return path


def field(dtype="f4", rows=12):
    return DRAW.normal(size=(rows, 3, 4)).astype(dtype)


def spoiled(value, dtype="f4"):
    values = field(dtype)
    values[4], values[6, 1, 2] = value, value
    return values


@pytest.mark.parametrize(
    ("value", "fill", "attributes"),
    [
        (np.nan, None, {"_FillValue": np.float32(np.nan)}),
        (-9999, None, {"missing_value": np.float32(-9999)}),
        (1e20, None, {"_FillValue": np.float32(1e20), "missing_value": np.float32(1e20)}),
        (FILL, FILL, {}),
        (np.nan, None, {"missing_value": np.float32(-9999), "_FillValue": np.float32(np.nan)}),
    ],
)
def test_declared_missing_values_are_sound_and_said(tmp_path, value, fill, attributes):
    report = datacheck.scan(write(tmp_path / "a.nc", spoiled(value), fill, **attributes), workers=1, range=(-50, 50))
    assert list(report.findings) == []
    assert report.statistics["tas"].missing == 13
    assert report.statistics["tas"].count == 12 * 12 - 13


def test_nan_that_nobody_declared_is_bad_beside_what_is_missing(tmp_path):
    values = spoiled(-9999)
    values[6, 0, 0], values[9, 2, 3] = np.nan, np.inf
    report = datacheck.scan(write(tmp_path / "a.nc", values, missing_value=np.float32(-9999)), workers=1)
    assert [(it.key, it.code, it.details["count"]) for it in report.findings] == [
        ("/[6]", "nan", 1),
        ("/[9]", "inf", 1),
    ]


def test_a_fill_that_nobody_declared_is_a_value(tmp_path):
    report = datacheck.scan(write(tmp_path / "a.h5", spoiled(-9999)), workers=1, range=(-50, 50))
    assert [it.code for it in report.findings] == ["out-of-range", "constant", "out-of-range"]
    report = datacheck.scan(write(tmp_path / "b.h5", spoiled(FILL)), workers=1)
    assert report.counts["half-overflow"] == 2


def test_packed_values_are_judged_unpacked(tmp_path):
    values = (DRAW.random((12, 5)) * 1000).astype("i2")
    values[3], values[7, 1] = -32768, 4000
    path = write(tmp_path / "a.nc", values, _FillValue=np.int16(-32768), scale_factor=0.01, add_offset=270.0)
    report = datacheck.scan(path, workers=1, range=(200, 300))
    (finding,) = report.findings
    assert (finding.key, finding.code, finding.details["max"]) == ("/[7]", "out-of-range", 310)
    assert report.statistics["tas"].missing == 5


def test_several_workers_say_the_same_of_missing_values(tmp_path):
    path = write(tmp_path / "a.nc", np.tile(spoiled(-9999), (50, 1, 1)), missing_value=np.float32(-9999))
    one, two = (datacheck.scan(path, workers=it) for it in (1, 2))
    assert (one.statistics, list(one.findings)) == (two.statistics, list(two.findings))


def test_a_copy_keeps_missing_values_as_they_are(tmp_path):
    values = spoiled(np.nan)
    values[9, 0, 0] = np.inf
    values[9, 0, 1] = np.nan
    source = write(tmp_path / "a.nc", values, _FillValue=np.float32(np.nan))
    datacheck.rebuild(source, tmp_path / "b.nc", fill=0.0, workers=1)
    with h5py.File(tmp_path / "b.nc") as file:
        values[9, 0, 0] = 0
        assert np.array_equal(file["tas"][:], values, equal_nan=True)


def write_table(path, rows=60, bad=()):
    kind = np.dtype([("index", "i8"), ("values_block_0", "f8", (2,)), ("values_block_1", "i8", (1,))])
    with h5py.File(path, "w") as file:
        table = np.zeros(rows, kind)
        table["index"], table["values_block_0"] = np.arange(rows), DRAW.normal(size=(rows, 2))
        table["values_block_0"][list(bad)] = np.nan
        file["df/table"] = table
        file["df/table"].attrs.update({"CLASS": np.bytes_("TABLE"), "NROWS": np.int64(rows)})
        index = file.create_group("df/_i_table/index")
        index["sortedLR"], index["bounds"] = np.arange(rows + 4), np.zeros((0, 127), "i8")
        index.create_dataset("indicesLR", (1 << 14,), "u4", chunks=(64,))
    return path


def test_an_index_of_pytables_holds_no_records(tmp_path):
    report = datacheck.scan(write_table(tmp_path / "a.h5"), workers=1)
    assert (report.source.records, list(report.findings)) == (60, [])


def test_a_copy_without_rows_is_without_the_index_of_them(tmp_path):
    source = write_table(tmp_path / "a.h5", bad=[7])
    receipt = datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert (receipt.records, receipt.dropped) == (60, 1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert list(file["df"]) == ["table"]
        assert file["df/table"].attrs["NROWS"] == len(file["df/table"]) == 59


def test_a_group_that_is_only_called_like_an_index_is_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["_i_things/values"] = np.arange(20.0)
        file["_i_things/values"][3] = np.nan
    assert datacheck.scan(tmp_path / "a.h5", workers=1).counts == {"nan": 1}


def put(file, path, values, kind="double"):
    file[path] = values
    file[path].attrs["MATLAB_class"] = np.bytes_(kind)


def write_cells(path, bad=None, count=26):
    with h5py.File(path, "w") as file:
        held = []
        for at, name in enumerate(string.ascii_lowercase[:count]):
            values = DRAW.normal(size=(4, 10 + at % 5))
            values[1, 1] = np.nan if at == bad else 0.5
            put(file, f"#refs#/{name}", values)
            held.append(file[f"#refs#/{name}"].ref)
        put(file, "#refs#/Z", np.full((1, 3), ord("a"), "u2"), "char")
        cells = file.create_dataset("frames", (1, count), h5py.ref_dtype)
        cells[0], cells.attrs["MATLAB_class"] = held, np.bytes_("cell")
        put(file, "labels", (np.arange(float(count)) % 3)[None])
    return path


def test_a_dataset_of_a_cell_is_a_record_and_named_by_its_cell(tmp_path):
    assert datacheck.scan(write_cells(tmp_path / "s.mat"), workers=1).clean
    source = write_cells(tmp_path / "a.mat", bad=7)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.key, finding.details["cell"]) == ("/#refs#/h", "/frames{8}")
    with pytest.raises(UsageError, match=r"the cell /frames\{8\} would lead to nothing"):
        datacheck.rebuild(source, tmp_path / "b.mat", drop_bad=True, workers=1)


def write_last(path, shape, bad, labels=(1, 40)):
    with h5py.File(path, "w") as file:
        values = DRAW.normal(size=shape)
        values[bad] = np.nan
        put(file, "X", values)
        put(file, "y", (np.arange(40.0) % 3).reshape(labels))
    return path


@pytest.mark.parametrize(("shape", "bad", "left"), [((5, 40), (2, 17), (5, 39)), ((40, 3, 6), (9, 0, 0), (39, 3, 6))])
def test_samples_go_along_the_axis_that_they_lie_on(tmp_path, shape, bad, left):
    source = write_last(tmp_path / "a.mat", shape, bad)
    assert datacheck.rebuild(source, tmp_path / "b.mat", drop_bad=True, workers=1).dropped == 1
    axis = shape.index(40)
    with h5py.File(source) as there, h5py.File(tmp_path / "b.mat") as copy:
        assert copy["X"].shape == left
        assert (copy["X"][()] == np.delete(there["X"][()], bad[axis], axis)).all()
        assert (copy["y"][()] == np.delete(there["y"][()], bad[axis], 1)).all()


def test_samples_of_matlab_along_the_first_axis_go(tmp_path):
    source = write_last(tmp_path / "a.mat", (40, 3, 6), (9, 0, 0), labels=(40, 1))
    assert datacheck.rebuild(source, tmp_path / "b.mat", drop_bad=True, workers=1).dropped == 1
