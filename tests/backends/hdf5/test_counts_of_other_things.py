"""Names of counts that are not those of the samples beside them, and counts of the samples of one set."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 20


def picture(number, size=16):
    return np.random.default_rng(number).integers(0, 255, (size, size, 3)).astype("u1")


def write(path, names, said):
    with h5py.File(path, "w") as file:
        for number, name in enumerate(names):
            file[name] = picture(number)
        file.attrs.update(said)
    return path


def spoil(path, name):
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = np.full((16, 16, 3), np.nan)


def codes(path):
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize(
    "said", [{"num_patients": 17}, {"n_videos": 18}, {"scene_count": 16}, {"subject_number": COUNT - 1}]
)
def test_what_may_have_several_pictures_is_not_their_count(tmp_path, said):
    assert codes(write(tmp_path / "a.h5", map(str, range(COUNT)), said)) == []


@pytest.mark.parametrize("said", [{"image_size": COUNT}, {"subject_number": COUNT}])
def test_a_number_that_equals_the_count_by_chance_is_left_alone(tmp_path, said):
    names = [f"image_{it}" for it in range(COUNT)]
    spoil(write(tmp_path / "a.h5", names, said), "image_7")
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert "image_7" not in file
        assert dict(file.attrs) == said


@pytest.mark.parametrize(("name", "said"), [("scene_{}", {"num_scenes": 17}), ("scene_{}/x", {"num_scenes": 16})])
def test_samples_that_are_called_so_are_counted(tmp_path, name, said):
    source = write(tmp_path / "a.h5", [name.format(it) for it in range(COUNT)], said)
    assert codes(source) == [("count", "bad")]


@pytest.mark.parametrize(("train", "found"), [(COUNT, []), (COUNT - 2, [("count", "bad")])])
def test_a_count_of_one_set_is_true_in_the_copy(tmp_path, train, found):
    names = [f"{of}/image_{it}" for of, count in (("train", COUNT), ("val", 5)) for it in range(count)]
    source = write(tmp_path / "a.h5", names, {"num_train_images": train, "n_val": 5})
    assert codes(source) == found
    spoil(source, "train/image_3")
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert dict(file.attrs) == {"num_train_images": COUNT - 1, "n_val": 5}
