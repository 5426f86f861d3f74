"""Samples on the last axis of their datasets, as MATLAB has them: named, dropped and filled one by one."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import UsageError

COUNT = 40
RANDOM = np.random.default_rng(7)


def floats(*shape):
    return RANDOM.normal(size=shape).astype("f4")


def numbers(*shape):
    return (RANDOM.integers(0, 3, shape)).astype("f8")


def written(path, datasets, *, matlab=False, **options):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            values = np.asarray(values)
            dataset = file.create_dataset(name, data=values, **(options if values.ndim > 1 else {}))
            if matlab:
                dataset.attrs["MATLAB_class"] = np.bytes_(b"double")
    return path


def wrong(path, **options):
    return [it for it in datacheck.scan(path, workers=1, **options).findings if it.verdict == "bad"]


LAYOUTS = {
    "pictures of MATLAB": (True, {"X": floats(COUNT, 3, 6, 5), "y": numbers(1, COUNT)}, ("X", (17, 1, 2, 3))),
    "features of MATLAB": (True, {"X": floats(12, COUNT), "y": numbers(1, COUNT)}, ("X", (5, 17))),
    "more features than samples": (True, {"X": floats(90, COUNT), "y": numbers(1, COUNT)}, ("X", (5, 17))),
    "labels of a split": (
        True,
        {"X_train": floats(12, COUNT), "y_train": numbers(1, COUNT), "X_test": floats(12, 9), "y_test": numbers(1, 9)},
        ("X_train", (5, 17)),
    ),
    "pictures of Python": (False, {"X": floats(48, 48, 3, COUNT), "y": numbers(COUNT)}, ("X", (5, 4, 2, 17))),
    "rows of Python": (False, {"data": floats(9, COUNT), "label": numbers(COUNT)}, ("data", (5, 17))),
    "labels of one row": (False, {"X": floats(COUNT, 4), "y": numbers(1, COUNT)}, ("X", (17, 2))),
    "a second kind of data": (
        True,
        {"X": floats(12, COUNT), "weight": floats(1, COUNT), "more": floats(7, COUNT), "y": numbers(1, COUNT)},
        ("more", (5, 17)),
    ),
}
STORED = {
    "contiguous": {},
    "chunks": {"chunks": True},
    "gzip": {"compression": "gzip", "shuffle": True, "chunks": True},
    "checksums": {"fletcher32": True, "chunks": True},
    "lzf": {"compression": "lzf", "chunks": True},
}


def along(values):
    """Return which axis of a dataset the samples lie on, None where it has none."""
    return values.shape.index(COUNT) if COUNT in values.shape else None


@pytest.mark.parametrize("stored", ["contiguous", "gzip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sample_is_named_and_dropped_from_all_that_it_has(tmp_path, layout, stored):
    matlab, datasets, (name, place) = LAYOUTS[layout]
    assert wrong(written(tmp_path / "sound.h5", datasets, matlab=matlab, **STORED[stored])) == []
    path = written(tmp_path / "a.h5", datasets, matlab=matlab, **STORED[stored])
    with h5py.File(path, "a") as file:
        file[name][place] = np.nan
    (finding,) = wrong(path)
    assert finding.code == "nan"
    assert finding.key.endswith("[17]")
    assert finding.field == name
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True, quarantine=tmp_path / "held")
    with (
        h5py.File(tmp_path / "copy.h5") as copy,
        h5py.File(path) as file,
        h5py.File(tmp_path / "held" / "records.h5") as held,
    ):
        for its in datasets:
            values, axis = file[its][()], along(file[its])
            if axis is None:
                assert np.array_equal(copy[its][()], values)
                continue
            assert np.array_equal(copy[its][()], np.delete(values, 17, axis), equal_nan=True)
            assert np.array_equal(held[its][()], values.take([17], axis), equal_nan=True)
            assert copy[its].chunks == file[its].chunks
            assert copy[its].compression == file[its].compression
            assert copy[its].attrs.keys() == file[its].attrs.keys()
    assert wrong(tmp_path / "copy.h5") == []


@pytest.mark.parametrize("stored", STORED)
def test_very_many_samples_are_dropped_from_pieces(tmp_path, stored, monkeypatch):
    monkeypatch.setattr("datacheck.backends.hdf5.copying.row_selection.PIECE_BYTES", 4096)
    monkeypatch.setattr("datacheck.backends.hdf5.copying.values.PIECE_BYTES", 512)
    values, labels = floats(30, 2000), numbers(1, 2000)
    bad = np.flatnonzero(RANDOM.random(2000) < 0.3)
    values[RANDOM.integers(0, 30, len(bad)), bad] = np.inf
    path = written(tmp_path / "a.mat", {"X": values, "y": labels}, matlab=True, **STORED[stored])
    assert [int(it.key.strip("/[]")) for it in wrong(path)] == bad.tolist()
    datacheck.rebuild(path, tmp_path / "copy.mat", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.mat") as copy:
        assert np.array_equal(copy["X"][()], np.delete(values, bad, 1))
        assert np.array_equal(copy["y"][()], np.delete(labels, bad, 1))


@pytest.mark.parametrize("stored", STORED)
def test_only_what_is_wrong_is_filled(tmp_path, stored):
    values = floats(COUNT, 3, 6, 5)
    turned = np.moveaxis(values, 0, -1).copy()
    turned[1, 2, 3, 17], turned[0, 0, 0, 4] = np.nan, np.inf
    path = written(tmp_path / "a.h5", {"X": turned, "y": numbers(COUNT)}, **STORED[stored])
    assert [it.key for it in wrong(path)] == ["/[4]", "/[17]"]
    datacheck.rebuild(path, tmp_path / "copy.h5", fill=0)
    turned[1, 2, 3, 17] = turned[0, 0, 0, 4] = 0
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert np.array_equal(copy["X"][()], turned)


def test_a_part_of_the_file_that_is_damaged_is_named_by_its_samples(tmp_path):
    options = {"compression": "gzip", "chunks": (12, 10)}
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        file.create_dataset("X", data=floats(12, COUNT), **options).attrs["MATLAB_class"] = np.bytes_(b"double")
        file.create_dataset("y", data=numbers(1, COUNT)).attrs["MATLAB_class"] = np.bytes_(b"double")
        chunk = file["X"].id.get_chunk_info(2)
    octets = bytearray(path.read_bytes())
    octets[chunk.byte_offset + 30 : chunk.byte_offset + 40] = bytes(10)
    path.write_bytes(octets)
    findings = wrong(path)
    assert {it.key for it in findings} == {f"/[{it}]" for it in range(20, 30)}
    assert {it.code for it in findings} == {"checksum"}
    datacheck.rebuild(path, tmp_path / "copy.mat", drop_bad=True)
    with h5py.File(tmp_path / "copy.mat") as copy:
        assert (copy["X"].shape, copy["y"].shape) == ((12, 30), (1, 30))


def test_names_that_matlab_refers_to_go_with_their_pictures(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        images = floats(12, 3, 8, 6)
        images[5, 0, 0, 0] = np.nan
        for name, values in {"images": images, "depths": floats(12, 8, 6)}.items():
            file[name] = values
            file[name].attrs["MATLAB_class"] = np.bytes_(b"single")
        scenes = file.create_dataset("sceneTypes", (1, 12), h5py.ref_dtype)
        scenes.attrs["MATLAB_class"] = np.bytes_(b"cell")
        for at in range(12):
            text = file.create_dataset(f"#refs#/{at}", data=np.array([[ord("a") + at]], "u2"))
            text.attrs["MATLAB_class"] = np.bytes_(b"char")
            scenes[0, at] = text.ref
    assert [it.key for it in wrong(path)] == ["/[5]"]
    datacheck.rebuild(path, tmp_path / "copy.mat", drop_bad=True)
    with h5py.File(tmp_path / "copy.mat") as copy:
        assert copy["images"].shape == (11, 3, 8, 6)
        assert [chr(copy[it][0, 0]) for it in copy["sceneTypes"][0]] == list("abcdeghijkl")


UNCLEAR = {
    "as many rows as columns": (True, {"X": floats(COUNT, COUNT), "y": numbers(1, COUNT)}),
    "another one that may be either": (
        True,
        {"X": floats(12, COUNT), "K": floats(COUNT, COUNT), "y": numbers(1, COUNT)},
    ),
    "no labels": (True, {"p": floats(64, COUNT), "q": floats(64, COUNT)}),
    "numbers of rows beside": (
        True,
        {"X": floats(COUNT, 3, 6, 18), "y": numbers(1, COUNT), "train_idx": numbers(1, 9)},
    ),
    "fewer samples than rows": (False, {"data": floats(90, COUNT), "label": numbers(COUNT)}),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_nothing_is_dropped_where_either_axis_may_be_meant(tmp_path, name):
    matlab, datasets = UNCLEAR[name]
    path = written(tmp_path / "a.h5", datasets, matlab=matlab)
    field = next(iter(datasets))
    with h5py.File(path, "a") as file:
        values = file[field][()]
        values[3, ..., 17] = np.nan
        file[field][...] = values
    assert [(it.code, it.field) for it in wrong(path)] == [("nan", field)]
    with pytest.raises(UsageError, match="would be inconsistent"):
        datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)


SOUND = {
    "numbers of classes": {"probabilities": floats(90, 10), "labels": np.arange(10)},
    "a goal": {"X": floats(90, 8), "target": floats(1, 8)},
    "channels": {"images": floats(90, 8, 8, 3), "labels": np.arange(3)},
}


@pytest.mark.parametrize("name", SOUND)
def test_what_only_has_as_many_columns_keeps_its_rows(tmp_path, name):
    path = written(tmp_path / "a.h5", SOUND[name])
    field = next(iter(SOUND[name]))
    with h5py.File(path, "a") as file:
        file[field][17] = np.inf
    (finding,) = [it for it in wrong(path) if it.code != "row-count"]
    assert finding.key.endswith("[17]")


def test_coordinates_are_no_labels(tmp_path):
    datasets = {
        "Vx": floats(20, 21, 16),
        "Vy": floats(20, 21, 16),
        "x-coordinate": floats(16),
        "y-coordinate": floats(16),
    }
    path = written(tmp_path / "a.h5", datasets)
    with h5py.File(path, "a") as file:
        file["Vy"][7, 2, 3] = np.nan
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert {it: len(copy[it]) for it in copy} == {"Vx": 19, "Vy": 19, "x-coordinate": 16, "y-coordinate": 16}


def cells(path, *, bad=None):
    """Write cells of MATLAB, each of another length, with a label each."""
    with h5py.File(path, "w") as file:
        its = file.create_dataset("c", (1, 12), h5py.ref_dtype)
        its.attrs["MATLAB_class"] = np.bytes_(b"cell")
        for at in range(12):
            cell = file.create_dataset(f"#refs#/{at}", data=floats(3, 5 + at))
            cell.attrs["MATLAB_class"] = np.bytes_(b"single")
            its[0, at] = cell.ref
        labels = np.arange(12.0)[np.newaxis]
        if bad is not None:
            labels[0, bad] = np.nan
        file.create_dataset("y", data=labels).attrs["MATLAB_class"] = np.bytes_(b"double")
    return path


def test_a_label_goes_with_its_cell(tmp_path):
    assert wrong(cells(tmp_path / "sound.mat")) == []
    path = cells(tmp_path / "a.mat", bad=3)
    assert [it.key for it in wrong(path)] == ["/[3]"]
    datacheck.rebuild(path, tmp_path / "copy.mat", drop_bad=True)
    with h5py.File(tmp_path / "copy.mat") as copy:
        assert copy["y"].shape == (1, 11)
        assert [copy[it].shape[1] - 5 for it in copy["c"][0]] == copy["y"][0].tolist()


def test_references_to_what_is_gone_are_named(tmp_path):
    path = cells(tmp_path / "a.mat")
    with h5py.File(path, "a") as file:
        file.create_dataset("empty", (3,), h5py.ref_dtype)
    with h5py.File(path, "a") as file:
        del file["#refs#/4"]
    assert [(it.code, it.message) for it in wrong(path)] == [("dangling", "/c: reference 4 leads to nothing")]


AXES = {
    "a grid": {"u": floats(50, 128), "y": np.linspace(0, 1, 128)},
    "a grid that falls": {"u": floats(10, 64, 128), "y": np.linspace(1, 0, 128)},
    "all classes of their scores": {"logits": floats(80, 1000), "target": np.arange(1000)},
    "ten classes of pictures of rows": {"images": floats(20, 16, 3, 10), "labels": np.arange(10)},
}


@pytest.mark.parametrize("name", AXES)
def test_numbers_that_only_rise_or_fall_are_no_labels_of_columns(tmp_path, name):
    path = written(tmp_path / "a.h5", AXES[name])
    assert datacheck.scan(path, workers=1).status == 0
    field = next(iter(AXES[name]))
    with h5py.File(path, "a") as file:
        values = file[field][()]
        values[3, ..., 5] = np.nan
        file[field][...] = values
    assert [it.key for it in wrong(path)] == [f"/{field}[3]"]
    with pytest.raises(UsageError, match="would be inconsistent"):
        datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)


def test_what_the_caller_calls_labels_are_labels(tmp_path):
    path = written(tmp_path / "a.h5", AXES["a grid"])
    with h5py.File(path, "a") as file:
        file["u"][3, 5] = np.nan
    assert [it.key for it in wrong(path, label_field="y")] == ["/[5]"]
