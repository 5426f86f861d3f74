"""Rows that are joined by first and last rows, by lengths, and by how many there are for each."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

import datacheck
from datacheck.backends.hdf5.library import looking
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.references import joined_rows

PICTURES, EACH, WIDTH = 20, 5, 16
LABELS = PICTURES * EACH


def told(path):
    return [(it.code, it.verdict, it.details.get("dataset")) for it in datacheck.scan(path, workers=1).findings]


def captions(path, first=1, **changes):
    """Write pictures and their captions as neuraltalk2 does; `changes` are (row, value) of a dataset."""
    start = np.arange(PICTURES) * EACH + first
    its = {
        "images": np.random.default_rng(0).integers(0, 255, (PICTURES, 3, 8, 8)).astype("u1"),
        "labels": np.random.default_rng(1).integers(1, 99, (LABELS, WIDTH)).astype("u4"),
        "label_length": np.random.default_rng(2).integers(5, WIDTH + 1, LABELS).astype("u4"),
        "label_start_ix": start,
        "label_end_ix": start + EACH - 1,
    }
    with h5py.File(path, "w") as file:
        for name, values in its.items():
            for at, value in changes.get(name, {}).items():
                values[at] = value
            file[name] = values
    return path


@pytest.mark.parametrize(
    ("first", "changes"),
    [
        (1, {}),
        (0, {}),
        (1, {"label_start_ix": {7: 0}, "label_end_ix": {7: 0}}),  # a picture without captions
        (1, {"label_start_ix": {19: LABELS + 1}, "label_end_ix": {19: LABELS}}),
    ],
)
def test_sound_ranges_of_captions_are_clean(tmp_path, first, changes):
    assert told(captions(tmp_path / "a.h5", first, **changes)) == []


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("label_start_ix", 3, 500),
        ("label_start_ix", 0, 0),
        ("label_start_ix", 6, 90),
        ("label_end_ix", 19, LABELS + 3),
        ("label_length", 7, 3 * WIDTH),
    ],
)
def test_a_range_or_length_beyond_what_is_there_is_bad(tmp_path, name, at, value):
    source = captions(tmp_path / "a.h5", **{name: {at: value}})
    expected = "/label_start_ix" if (name, at) == ("label_start_ix", 6) else f"/{name}"
    assert told(source) == [("dangling", "bad", expected)]


def test_lengths_of_texts_before_they_are_cut_are_not_bad(tmp_path):
    changes = dict.fromkeys(range(0, LABELS, 3), 2 * WIDTH)
    assert told(captions(tmp_path / "a.h5", label_length=changes)) == []


def per_image(path, rows, **more):
    with h5py.File(path, "w") as file:
        file["images"] = np.random.default_rng(0).normal(size=(PICTURES, 3, 8, 8))
        file["captions"] = np.random.default_rng(1).integers(1, 99, (rows, WIDTH))
        for name, values in more.items():
            file[name] = values
        file.attrs["captions_per_image"] = EACH
    return path


@pytest.mark.parametrize(
    ("rows", "more", "expected"),
    [
        (LABELS, {}, []),
        (LABELS - 2, {}, [("row-count", "bad", None)]),
        (LABELS - 2, {"first_start": np.arange(PICTURES)}, []),  # pictures have their own ranges of captions
        (7, {}, []),
    ],
)
def test_as_many_captions_as_the_attribute_says_for_each_image(tmp_path, rows, more, expected):
    assert told(per_image(tmp_path / "a.h5", rows, **more)) == expected


def offsets(path, changes, beside=False):
    sizes = np.random.default_rng(0).integers(5, 30, 40)
    its = np.concatenate([[0], np.cumsum(sizes)])
    with h5py.File(path, "w") as file:
        for at, value in changes.items():
            its[at] = value(its)
        file["offsets"] = its
        file["data/tokens"] = np.random.default_rng(1).integers(0, 1000, int(sizes.sum()))
        if beside:
            file["text"] = np.arange(3000)
    return path


@pytest.mark.parametrize(
    ("changes", "beside", "expected"),
    [
        ({}, False, []),
        ({40: lambda its: its[40] + 50}, False, [("dangling", "bad", "/offsets")]),
        ({7: lambda its: its[12]}, False, [("dangling", "bad", "/offsets")]),
        ({40: lambda its: its[40] + 50}, True, []),  # of what lies beside them
    ],
)
def test_offsets_may_lead_into_a_group_beside_them(tmp_path, changes, beside, expected):
    assert told(offsets(tmp_path / "a.h5", changes, beside)) == expected


DIALOGS, TURNS = 40, 10


def dialogs(path, rows=DIALOGS, longest=WIDTH):
    """Write questions and captions of dialogs with their lengths, as VisDial has them for each set."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, WIDTH + 1, (DIALOGS, TURNS)).astype("u4")
    lengths[3, 2] = longest
    with h5py.File(path, "w") as file:
        file["ques_train"] = rng.integers(0, 99, (DIALOGS, TURNS, WIDTH)).astype("u4")
        file["ques_length_train"] = lengths
        file["cap_train"] = rng.integers(0, 99, (DIALOGS, WIDTH)).astype("u4")
        file["cap_length_train"] = rng.integers(5, WIDTH + 1, rows).astype("u4")
    return path


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"longest": 4 * WIDTH}, [("dangling", "suspicious", "/ques_length_train")]),  # or the length before cutting
        ({"rows": DIALOGS - 1}, [("row-count", "bad", None)]),
        ({"rows": 7}, []),
    ],
)
def test_lengths_are_those_of_the_rows_that_they_are_called_by(tmp_path, changes, expected):
    assert told(dialogs(tmp_path / "a.h5", **changes)) == expected


def columns(path, odd, rows, names=("pose", "features", "bbox", "joints2D")):
    with h5py.File(path, "w") as file:
        for at, name in enumerate(names):
            file[name] = np.random.default_rng(at).normal(size=(120, 6 + at))
        file[odd] = np.random.default_rng(9).normal(size=(rows, 4))
    return path


@pytest.mark.parametrize(
    ("odd", "rows", "names", "verdict"),
    [
        ("joints3D", 117, ("pose", "features", "bbox", "joints2D"), "suspicious"),
        ("joints3D", 60, ("pose", "features", "bbox", "joints2D"), None),
        ("trclean", 117, ("trnoisy",), "bad"),
        ("vaclean", 117, ("trnoisy",), None),
    ],
)
def test_one_dataset_is_a_little_shorter_than_what_it_goes_with(tmp_path, odd, rows, names, verdict):
    found = told(columns(tmp_path / "a.h5", odd, rows, names))
    assert found == ([] if verdict is None else [("row-count", verdict, None)])


def test_more_ranges_than_are_read_are_not_called_clean(tmp_path, monkeypatch):
    for module in (looking, joined_rows):
        monkeypatch.setattr(module, "LARGEST", 8 * PICTURES - 1)
    path = captions(tmp_path / "a.h5")
    forget_walks()
    findings = Hdf5Reader(path, (path,)).layout().findings  # in this process, with the limit that the test sets
    assert [(it.code, it.details["object"]) for it in findings] == [
        ("unsupported", "/label_start_ix"), ("unsupported", "/label_end_ix"),
    ]  # fmt: skip
