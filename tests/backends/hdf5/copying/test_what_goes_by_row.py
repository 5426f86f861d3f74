"""Test copies beside which something goes by the numbers of rows, and episodes with datasets that are always empty."""

import json

import h5py
import numpy as np
import pytest
from commanding import datacheck


def rebuilt(source):
    return datacheck("rebuild", source, source.parent / "copy", "--drop-bad")


def write(path, bad, **shapes):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for at, (name, shape) in enumerate(shapes.items()):
            values = np.random.default_rng(at).normal(size=shape).astype("f4")
            if name == bad:
                values[3, 1] = np.nan
            file[name.replace("__", "/")] = values
    return path


def test_scans_of_which_each_object_has_several_stop_a_copy_without_one(tmp_path):
    path = write(tmp_path / "mvp.h5", "incomplete_pcds", incomplete_pcds=(260, 8, 3), complete_pcds=(10, 8, 3))
    said = rebuilt(path)
    assert "26 rows of one for each of the other" in said.stderr


@pytest.mark.parametrize(
    "shapes",
    [
        {"train_pcds": (260, 8, 3), "test_pcds": (10, 8, 3)},
        {"train_pcds": (260, 8, 3), "mean_shape": (10, 4, 3)},
    ],
)
def test_other_numbers_of_rows_stop_none(tmp_path, shapes):
    assert rebuilt(write(tmp_path / "a.h5", "train_pcds", **shapes)).returncode == 0


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ({f"image{at}": {"idx": at} for at in range(20)}, True),
        ({"images": [{"id": at} for at in range(20)], "ix_to_word": {}}, True),
        ({"vocab": {f"word{at}": at for at in range(30)}}, False),
    ],
)
def test_a_mapping_of_pictures_to_rows_stops_a_copy(tmp_path, text, stops):
    write(tmp_path / "gqa" / "objects.h5", "features", features=(20, 6, 4), bboxes=(20, 6, 2))
    (tmp_path / "gqa" / "info.json").write_text(json.dumps(text))
    said = rebuilt(tmp_path / "gqa")
    assert ("info.json has 20 items" in said.stderr) is stops, said.stderr


def test_episodes_with_datasets_that_are_always_empty_are_copied(tmp_path):
    for at in range(5):
        path, rows = tmp_path / "agibot" / str(6486 + at) / "proprio_stats.h5", 30 + at
        arrays = {"state__joint": (rows, 7), "action__joint": (rows, 7), "action__robot": (0,)}
        write(path, "state__joint" if at == 2 else None, **arrays)
    said = rebuilt(tmp_path / "agibot")
    assert said.returncode == 0, said.stderr
    assert "proprio_stats.h5:/state" in said.stdout


def test_a_rendered_view_goes_as_a_whole(tmp_path):
    for at in range(4):
        write(tmp_path / "views" / f"{at}.hdf5", "depth" if at == 2 else None, colors=(20, 24, 3), depth=(20, 24))
    assert "with all of 2.hdf5" in rebuilt(tmp_path / "views").stdout
