"""HDF5 files follow conventions by what is in them; a scan names these, and may be told which one has to be kept."""

import h5py
import numpy as np
import pytest
from commanding import datacheck

import datacheck as package
from datacheck.conventions import CONVENTIONS
from datacheck.errors import UsageError


def numbers(*shape):
    return np.arange(1, 1 + int(np.prod(shape)), dtype="f4").reshape(shape) / 7


def demos(file, count=12, mask=True):
    for at in range(count):
        demo = file.create_group(f"data/demo_{at}")
        demo["actions"], demo["obs/eef"] = numbers(5 + at, 7), numbers(5 + at, 3)
        demo.attrs["num_samples"] = 5 + at
    file["data"].attrs["total"] = sum(5 + at for at in range(count))
    if mask:
        file["mask/train"] = np.array([b"demo_%d" % at for at in range(count - 2)])


def act(file):
    file["action"], file["observations/qpos"] = numbers(30, 14), numbers(30, 14)


def episodes(file):
    file["data/action"], file["data/state"] = numbers(100, 2), numbers(100, 5)
    file["meta/episode_ends"] = np.array([30, 60, 100])


def anndata(file):
    file.attrs["encoding-type"] = "anndata"
    file["X"] = numbers(20, 4)
    for name, count in (("obs", 20), ("var", 4)):
        frame = file.create_group(name)
        frame.attrs["encoding-type"], frame.attrs["_index"] = "dataframe", "_index"
        frame.attrs["column-order"] = np.array([], h5py.string_dtype())
        frame.create_dataset("_index", data=[f"{name}{at}" for at in range(count)], dtype=h5py.string_dtype())


def tenx(file):
    matrix = file.create_group("matrix")
    matrix["barcodes"], matrix["shape"] = np.array([b"AAC-1", b"AAG-1", b"ACC-1"]), np.array([3, 3])
    matrix["data"], matrix["indices"] = np.array([1, 2, 3, 4], "i4"), np.array([0, 1, 0, 2])
    matrix["indptr"] = np.array([0, 2, 3, 4])
    matrix["features/id"] = np.array([b"g1", b"g2", b"g3"])


def netcdf(file):
    file.attrs["_NCProperties"] = "version=2,netcdf=4.9.2,hdf5=1.14.2"
    file["time"], file["t2m"] = numbers(50), numbers(50, 4)
    file["time"].make_scale("time")
    file["t2m"].dims[0].attach_scale(file["time"])


def matlab(file):
    file["X"], file["y"] = numbers(40, 5), np.arange(40.0)[:, None] % 3 + 1
    for name in ("X", "y"):
        file[name].attrs["MATLAB_class"] = np.bytes_("double")


def pandas(file):
    series = file.create_group("s")
    series.attrs["pandas_type"] = "series"
    series["index"], series["values"] = np.arange(30), numbers(30)


def loom(file):
    file["matrix"] = numbers(12, 20)
    file["row_attrs/Gene"], file["col_attrs/CellID"] = np.arange(12), np.arange(20)


def neuraltalk2(file):
    file["images"], file["labels"] = np.arange(20 * 48, dtype="u4").reshape(20, 48), np.ones((100, 16), "u4")
    file["label_start_ix"], file["label_end_ix"] = np.arange(1, 101, 5), np.arange(5, 101, 5)


FILES = {"robomimic": demos, **{it.__name__: it for it in (
    act, episodes, anndata, tenx, loom, netcdf, matlab, pandas, neuraltalk2,
)}}  # fmt: skip


def table(file):
    file["X"], file["y"] = numbers(40, 5), np.arange(40) % 3


def scaled(file):
    """Write dimension scales as h5py does for anybody."""
    table(file)
    file["y"].make_scale("samples")
    file["X"].dims[0].attach_scale(file["y"])


def cells(file):
    file["data"], file["indices"], file["labels"] = numbers(40), np.arange(40), np.arange(40) % 3


def samples(file):
    for at in range(12):
        file[f"videos/v{at}/frames"], file[f"videos/v{at}/sound"] = numbers(5, 7), numbers(5, 3)


LOOKING_ALIKE = [table, scaled, cells, samples]


def written(path, write):
    with h5py.File(path, "w") as file:
        write(file)
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_named_by_the_convention_that_it_follows(tmp_path, name):
    report = package.scan(written(tmp_path / "file.h5", FILES[name]))
    assert report.convention_names == [name]
    assert report.document().conventions == [name]
    assert f"(convention {name})" in str(report)
    assert not report.bad


@pytest.mark.parametrize("write", LOOKING_ALIKE)
def test_what_looks_alike_follows_none(tmp_path, write):
    report = package.scan(written(tmp_path / "file.h5", write))
    assert report.convention_names == []
    assert "convention" not in str(report)


def test_the_files_of_a_folder_follow_what_one_of_them_does(tmp_path):
    for at in range(4):
        written(tmp_path / f"episode_{at}.hdf5", act)
    written(tmp_path / "steps.h5", episodes)
    assert package.scan(tmp_path).convention_names == ["act", "episodes"]


@pytest.mark.parametrize("name", FILES)
def test_the_convention_that_a_file_follows_may_be_asked_for(tmp_path, name):
    path = written(tmp_path / "file.h5", FILES[name])
    assert package.scan(path, convention=name).convention_names == [name]
    assert package.scan(path, convention="none").convention_names == []


@pytest.mark.parametrize("name", [*FILES, "ocr"])
def test_one_that_it_does_not_follow_is_refused(tmp_path, name):
    path = written(tmp_path / "file.h5", table)
    with pytest.raises(UsageError, match=f"does not keep the convention {name} "):
        package.scan(path, convention=name)


@pytest.mark.parametrize("name", ["table", "per-sample"])
def test_how_datasets_are_read_may_be_asked_for_anywhere(tmp_path, name):
    assert package.scan(written(tmp_path / "file.h5", table), convention=name).convention_names == []


def test_conventions_of_hdf5_are_listed_and_shown(tmp_path):
    listed = datacheck("explain", "conventions").stdout
    assert all(f"{name} " in listed for name in FILES)
    assert {name for name, row in CONVENTIONS.items() if row.of_hdf5} == {*FILES, "table", "per-sample"}
    shown = datacheck("info", written(tmp_path / "file.h5", demos)).stdout
    assert "  convention robomimic\n" in shown
