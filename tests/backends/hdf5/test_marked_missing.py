"""Values that a format marks as missing by NaN: points of SLEAP and DeepLabCut, weights of masked bins of coolers."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

import datacheck
from datacheck import open_store
from datacheck.backends.hdf5.library import looking
from datacheck.backends.hdf5.reader import Hdf5Reader

ROWS, PARTS = 20, 4
POINT = np.dtype([("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?")])
DRAW = np.random.default_rng(0)


def told(path):
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


def sleap(path, version=1.2, **values):
    points = np.zeros(ROWS * PARTS, POINT)
    points["x"], points["y"] = DRAW.uniform(0, 60, (2, len(points)))
    points["visible"] = True
    for name in ("x", "y"):
        points[name][::7] = np.nan
    points["visible"][::7] = False
    for name, value in values.items():
        points[name][9] = value
    with h5py.File(path, "w") as file:
        file.create_group("metadata").attrs["format_id" if version else "other"] = version
        file["points"] = points
    return path


def test_points_that_are_not_visible_are_missing(tmp_path):
    assert told(sleap(tmp_path / "a.slp")) == []


@pytest.mark.parametrize("values", [{"x": np.nan}, {"y": np.inf}])
def test_other_points_are_bad(tmp_path, values):
    assert [it[1] for it in told(sleap(tmp_path / "a.slp", **values))] == ["bad"]


def test_points_of_something_else_are_bad(tmp_path):
    assert {it[1] for it in told(sleap(tmp_path / "a.h5", version=0))} == {"bad"}


def analysis(path, *more):
    tracks = DRAW.uniform(0, 60, (2, 2, PARTS, ROWS))
    tracks[0, :, :, :5] = np.nan
    with h5py.File(path, "w") as file:
        file["tracks"], file["track_occupancy"] = tracks, np.ones((ROWS, 2), "u1")
        for name in more:
            file[name] = np.array([b"nose"] * PARTS)
    return path


def test_tracks_without_an_animal_are_missing(tmp_path):
    assert told(analysis(tmp_path / "a.h5", "node_names")) == []
    assert {it[1] for it in told(analysis(tmp_path / "b.h5"))} == {"bad"}


def labels(path, key="df_with_missing", levels=3, lacks=None):
    """Write a frame with columns of several levels as pandas does."""
    values = DRAW.uniform(0, 600, (ROWS, 2 * PARTS))
    values[3, 2:4] = values[7, :2] = np.nan
    with h5py.File(path, "w") as file:
        frame = file.create_group(key)
        frame.attrs.update({"pandas_type": b"frame", "nblocks": 1, "ndim": 2, "axis1_variety": b"regular"})
        for name in ("axis0", "block0_items"):
            frame.attrs.update({f"{name}_variety": b"multi", f"{name}_nlevels": levels})
            for at in range(levels):
                frame[f"{name}_label{at}"] = np.arange(2 * PARTS, dtype="i1") % (at + 1)
                frame[f"{name}_level{at}"] = np.array([b"it%d" % it for it in range(at + 1)])
        frame["axis1"] = np.array([b"img%03d.png" % it for it in range(ROWS)])
        frame["block0_values"] = values
        if lacks is not None:
            del frame[lacks]
    return path


def test_parts_of_the_body_that_were_not_labelled_are_missing(tmp_path):
    report = datacheck.scan(labels(tmp_path / "a.h5"), workers=1)
    assert list(report.findings) == []
    assert report.statistics["block0_values"].missing == 4


def test_other_frames_and_what_they_lack_are_bad(tmp_path):
    assert told(labels(tmp_path / "a.h5", key="df")) == [("nan", "bad")] * 2
    assert ("missing", "bad") in told(labels(tmp_path / "b.h5", lacks="block0_items_label1"))


BINS, CONTACTS = 60, 200


def cooler(path, change=lambda _: None, kind="HDF5::Cooler", **counts):
    """Write the contacts of bins as cooler does; `change` takes the file."""
    first = np.sort(DRAW.integers(0, BINS, CONTACTS))
    weights = DRAW.uniform(0.1, 2, BINS)
    weights[[3, 17]] = np.nan
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": kind, "nbins": BINS, "nnz": CONTACTS, "nchroms": 2, **counts})
        file["chroms/name"], file["chroms/length"] = np.array([b"chr1", b"chr2"]), np.array([350000, 250000])
        file["bins/chrom"], file["bins/start"] = np.repeat([0, 1], [35, 25]), np.arange(BINS) * 10000
        file["bins/end"], file["bins/weight"] = np.arange(1, BINS + 1) * 10000, weights
        file["pixels/bin1_id"], file["pixels/count"] = first, DRAW.uniform(1, 50, CONTACTS)
        file["pixels/bin2_id"] = np.minimum(first + DRAW.integers(0, 9, CONTACTS), BINS - 1)
        file["indexes/bin1_offset"] = np.searchsorted(first, np.arange(BINS + 1))
        file["indexes/chrom_offset"] = np.array([0, 35, BINS])
        change(file)
    return path


def with_value(name, at, value):
    def change(file):
        file[name][at] = value

    return change


def test_masked_bins_have_no_weight(tmp_path):
    assert told(cooler(tmp_path / "a.cool")) == []
    assert told(cooler(tmp_path / "b.h5", kind="other")) == [("nan", "bad")] * 2


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({"change": with_value("pixels/bin2_id", 40, BINS)}, "dangling"),
        ({"change": with_value("pixels/bin1_id", 0, -1)}, "dangling"),
        ({"change": with_value("indexes/bin1_offset", -1, CONTACTS + 1)}, "dangling"),
        ({"nnz": CONTACTS + 7}, "count"),
        ({"nbins": BINS - 1}, "count"),
    ],
)
def test_faults_of_coolers_are_named(tmp_path, source, code):
    path = cooler(tmp_path / "a.cool", **source)
    forget_walks()
    assert [(it.code, it.verdict) for it in open_store(path).layout().findings] == [(code, "bad")]


@pytest.mark.parametrize(("largest", "objects"), [(8 * CONTACTS, []), (8 * CONTACTS - 1, ["bin1_id", "bin2_id"])])
def test_a_cooler_with_chunks_that_are_not_read_is_not_called_clean(tmp_path, monkeypatch, largest, objects):
    def in_one_chunk(file):
        for name in ("bin1_id", "bin2_id"):
            values = file[f"pixels/{name}"][:]
            del file[f"pixels/{name}"]
            file.create_dataset(f"pixels/{name}", data=values, chunks=(CONTACTS,))

    path = cooler(tmp_path / "a.cool", in_one_chunk)
    monkeypatch.setattr(looking, "LARGEST", largest)
    monkeypatch.setattr(looking, "PIECE_BYTES", 64)
    forget_walks()
    findings = Hdf5Reader(path, (path,)).layout().findings  # in this process, with the limits that the test sets
    assert [(it.code, it.details["object"]) for it in findings] == [("unsupported", f"/pixels/{it}") for it in objects]


def test_a_rebuild_removes_no_contact_that_the_indexes_count(tmp_path):
    source = cooler(tmp_path / "a.cool", with_value("pixels/count", 40, np.nan))
    with pytest.raises(datacheck.UsageError, match="belongs to a cooler"):
        datacheck.rebuild(source, tmp_path / "b.cool", drop_bad=True, workers=1)
