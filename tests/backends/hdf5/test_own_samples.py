"""Files that hold many samples, a dataset or a group each: the last shard is shorter, and lacks nothing."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNTS = (20, 20, 20, 20, 11)


def noise(seed, *shape):
    return np.random.default_rng(seed).random(shape).astype("f4")


def write(path, its):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for seed, (name, shape) in enumerate(its.items()):
            file[name] = noise(seed, *shape)


PICTURES = {"frame_{}": (8, 8)}
UTTERANCES = {"mel/{}": (30, 8), "wav/{}": (300,)}
DEMOS = {"data/demo_{}/obs": (10, 3), "data/demo_{}/actions": (10, 2)}


@pytest.mark.parametrize("name", ["shard_{}.h5", "day{}/samples.h5", "case_{}/samples.h5"])
@pytest.mark.parametrize("parts", [PICTURES, UTTERANCES, DEMOS], ids=["pictures", "utterances", "demos"])
def test_a_shorter_shard_lacks_nothing(tmp_path, name, parts):
    for number, count in enumerate(COUNTS):
        its = {part.format(at): (rows + at % 3, *row) for at in range(count) for part, (rows, *row) in parts.items()}
        write(tmp_path / "a" / name.format(number), its)
    assert list(datacheck.scan(tmp_path / "a").findings) == []


def test_a_few_demonstrations_are_no_parts_of_one_sample(tmp_path):
    for number, count in enumerate((5, 5, 5, 5, 3)):
        its = {part.format(at): (10 + at, 2) for at in range(count) for part in DEMOS}
        write(tmp_path / "a" / f"data_{number}.h5", {**its, "mask/train": (2,)})
    assert list(datacheck.scan(tmp_path / "a").findings) == []


def test_a_copy_of_files_that_lose_a_sample_each_is_clean(tmp_path):
    for model, width in (("clip", 16), ("dino", 24), ("i3d", 32), ("resnet", 48)):
        write(tmp_path / "a" / model / "features.h5", {f"video{at:02d}": (10 + at, width) for at in range(20)})
    with h5py.File(tmp_path / "a/clip/features.h5", "a") as file:
        file["video07"][3, 3] = np.nan
    datacheck.rebuild(tmp_path / "a", tmp_path / "copy", drop_bad=True)
    assert list(datacheck.scan(tmp_path / "copy").findings) == []


@pytest.mark.parametrize("more", [{}, {"actions": (12, 2)}])
def test_a_camera_that_an_episode_lacks_is_named(tmp_path, more):
    for number in range(5):
        cameras = {f"camera_{at}/{part}": (12, 8) for at in range(3 - (number == 2)) for part in ("rgb", "depth")}
        write(tmp_path / "a" / f"episode_{number}.h5", {**cameras, **more})
    (finding,) = datacheck.scan(tmp_path / "a").findings
    assert (finding.code, finding.file) == ("unpaired", "episode_2.h5")
    assert "/camera_2/depth" in finding.message
