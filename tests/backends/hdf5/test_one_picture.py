"""A file or group that holds one picture is no table of its lines: what is wrong with one is wrong with the picture."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions

WIDE, HIGH = 32, 24


def pixels(*shape, seed=1, nan=False):
    made = np.random.default_rng(seed).normal(size=shape).astype("f4")
    if nan:
        made[(7, *[0] * (len(shape) - 1)) if shape[0] > 7 else (0, 9, 9)] = np.nan
    return made


def channels_last(seed, nan):
    return {"image": pixels(HIGH, WIDE, 4, seed=seed, nan=nan), "mask": pixels(HIGH, WIDE, 3, seed=seed + 90)}


def channels_first(seed, nan):
    return {
        "rgb": pixels(3, HIGH, WIDE, seed=seed),
        "depth": pixels(HIGH, WIDE, seed=seed + 90, nan=nan),
        "K": np.eye(3),
    }


def write(path, of, bad=None):
    path.mkdir()
    for number in range(8):
        with h5py.File(path / f"volume_1_slice_{number}.h5", "w") as file:
            for name, values in of(number, number == bad).items():
                file[name] = values
    return path


@pytest.mark.parametrize(("of", "part"), [(channels_last, "image"), (channels_first, "depth")])
def test_a_picture_goes_as_a_whole_with_its_file(tmp_path, of, part):
    assert datacheck.scan(write(tmp_path / "sound", of), workers=1).clean
    source = write(tmp_path / "s", of, bad=5)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.file, finding.key) == ("nan", "volume_1_slice_5.h5", f"/{part}")
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert sorted(it.name for it in (tmp_path / "copy").iterdir()) == [
        f"volume_1_slice_{it}.h5" for it in range(8) if it != 5
    ]
    for path in (tmp_path / "copy").iterdir():
        with h5py.File(path) as copy, h5py.File(source / path.name) as before:
            assert {name: it.shape for name, it in copy.items()} == {name: it.shape for name, it in before.items()}
    assert datacheck.scan(tmp_path / "copy", workers=1).clean


@pytest.mark.parametrize("drop_rows", [False, True])
def test_a_group_goes_with_its_picture(tmp_path, drop_rows):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(6):
            for name, values in channels_last(number, number == 2).items():
                file[f"case_{number}/{name}"] = values
            file[f"case_{number}/grade"] = number % 3
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, drop_rows=drop_rows, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert sorted(file) == [f"case_{it}" for it in range(6) if it != 2]


@pytest.mark.parametrize(
    "datasets",
    [
        {"image": pixels(HIGH, WIDE, 3), "label": np.arange(HIGH) % 3},
        {"images": pixels(HIGH, WIDE, 3)},
        {"x": pixels(HIGH, WIDE, 3), "mask": pixels(HIGH, WIDE, 3)},
        {"image": pixels(HIGH, 8, 3), "more": pixels(HIGH, 8, 3)},
        {"image": pixels(HIGH, WIDE, WIDE), "mask": pixels(HIGH, WIDE, WIDE)},
        {"image": pixels(3, HIGH, WIDE), "label": np.arange(3)},
    ],
    ids=["labels beside", "in the plural", "no picture by name", "too narrow", "slices", "three pictures"],
)
def test_rows_stay_rows(tmp_path, datasets):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, values in datasets.items():
            file[name] = values
    reader = Hdf5Reader.recognise(tmp_path / "a.h5", StoreOptions())
    assert [it.rows for it in reader.contents(0).tables] == [len(next(iter(datasets.values())))]


def test_the_lines_are_rows_where_the_user_says_so(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = pixels(HIGH, WIDE, 3, nan=True)
    (finding,) = datacheck.scan(tmp_path / "a.h5", convention=["table"], workers=1).findings
    assert finding.key == "/[7]"
