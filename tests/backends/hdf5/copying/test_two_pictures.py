"""A lone file with two numbered pictures: two pictures, not two parts of one."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def write(path, *names, bad):
    with h5py.File(path, "w") as file:
        for at, name in enumerate(names):
            values = np.random.default_rng(at).normal(size=(24, 32, 3)).astype("f4")
            values[7, 0, 0] = np.nan if name == bad else 0
            file[name] = values
    return path


def test_one_of_two_numbered_pictures_goes_alone(tmp_path):
    source = write(tmp_path / "a.h5", "image_0", "image_1", bad="image_1")
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        assert [*copy] == ["image_0"]
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


@pytest.mark.parametrize("names", [("image_left", "image_right"), ("image_0", "image_1", "depth")])
def test_views_of_one_picture_go_together(tmp_path, names):
    source = write(tmp_path / "a.h5", *names, bad=names[1])
    receipt = datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert (receipt.kept, receipt.written) == (0, False)


def test_two_pictures_of_each_of_several_files_go_together(tmp_path):
    source = tmp_path / "a"
    source.mkdir()
    for number in range(5):
        write(source / f"{number}.h5", "image_0", "image_1", bad="image_1" if number == 2 else None)
    datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert sorted(it.name for it in (tmp_path / "b").iterdir()) == ["0.h5", "1.h5", "3.h5", "4.h5"]


def test_a_part_goes_if_its_only_picture_is_bad(tmp_path):
    source = tmp_path / "a"
    source.mkdir()
    for number in range(4):
        path = write(source / f"part_{number}.h5", "image", bad="image" if number == 2 else None)
        with h5py.File(path, "r+") as file:
            file["points"] = np.random.default_rng(0).normal(size=(200, 3))
    datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert sorted(it.name for it in (tmp_path / "b").iterdir()) == [f"part_{it}.h5" for it in (0, 1, 3)]
