"""Values of varying length along several axes: each place of a row is judged, or it is said that it is not."""

import io

import h5py
import numpy as np
from PIL import Image

import datacheck


def picture(number):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)).save(out, "JPEG")
    return np.frombuffer(out.getvalue(), np.uint8)


def write(path, cut=None, nan=None, axes=(2,)):
    with h5py.File(path, "w") as file:
        frames = file.create_dataset("frames", (24, 2), h5py.vlen_dtype(np.uint8))
        tracks = file.create_dataset("tracks", (24, *axes), h5py.vlen_dtype(np.float32))
        for row in range(24):
            for place in range(2):
                raw = picture(2 * row + place)
                frames[row, place] = raw[: len(raw) // 2] if (row, place) == cut else raw
            for at in np.ndindex(axes):
                values = np.random.default_rng(row).normal(size=3 + row % 4)
                values[0] = np.nan if (row, *at) == nan else values[0]
                tracks[(row, *at)] = values
        file["label"] = np.arange(24) % 3
    return path


def said(path):
    return [(it.key, it.field, it.code) for it in datacheck.scan(path, workers=1).findings]


def test_each_place_of_a_row_is_judged(tmp_path):
    assert said(write(tmp_path / "a.h5")) == []
    found = said(write(tmp_path / "b.h5", cut=(4, 1), nan=(6, 1, 0), axes=(2, 2)))
    assert found == [("/[4]", "frames[1]", "truncated"), ("/[6]", "tracks[1,0]", "nan")]


def test_a_bad_row_goes_with_all_its_places(tmp_path):
    source = write(tmp_path / "a.h5", cut=(4, 1))
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["frames"].shape == (23, 2)
        assert np.array_equal(file["frames"][4, 1], picture(11))
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


def test_too_many_places_are_said_not_to_be_judged(tmp_path):
    found = said(write(tmp_path / "a.h5", nan=(6, 70), axes=(80,)))
    assert found == [(None, "tracks", "unsupported")]
