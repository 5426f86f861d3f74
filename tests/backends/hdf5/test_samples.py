"""Groups and files that are a sample each: what one of them lacks, and what is no family at all."""

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions


def said(path):
    """Return the codes, verdicts and samples (or datasets) of what a layout says."""
    layout = Hdf5Reader.recognise(path, StoreOptions()).layout()
    return {(it.code, it.verdict, it.details.get("sample") or it.details.get("dataset")) for it in layout.findings}


def demo(group, steps, **other):
    rng = np.random.default_rng(steps)
    group.attrs["num_samples"] = steps
    group["actions"] = rng.normal(size=(steps, 7))
    for name in ("obs/position", "obs/gripper", "next_obs/position"):
        group[name] = rng.normal(size=(other.get(name.replace("/", "_"), steps), 3))
    group["goal"] = rng.normal(size=9)


def demos(path, count=6, change=lambda file: None):
    with h5py.File(path, "w") as file:
        for number in range(count):
            demo(file.create_group(f"data/run_{number}"), 20 + 3 * number)
        file["data"].attrs["total"] = sum(20 + 3 * number for number in range(count))
        file["mask/train"] = np.array([b"run_%d" % number for number in range(count - 1)])
        change(file)
    return path


def test_sound_episodes_of_several_lengths_are_clean(tmp_path):
    assert said(demos(tmp_path / "x.h5")) == set()


def shorten(file):
    del file["data/run_2/obs/position"]
    file["data/run_2/obs/position"] = np.zeros((19, 3))


def empty(file):
    del file["data/run_3"]
    file.create_group("data/run_3")


def other_shape(file):
    rows = len(file["data/run_4/obs/gripper"])
    del file["data/run_4/obs/gripper"]
    file["data/run_4/obs/gripper"] = np.zeros((rows, 2))


def names_another(file):
    del file["mask/train"]
    file["mask/train"] = ["run_0", "run_1", "run_17"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (shorten, ("row-count", "bad", "/data/run_2")),
        (lambda file: file.__delitem__("data/run_1/obs"), ("unpaired", "bad", "/data/run_1")),
        (lambda file: file.__delitem__("data/run_5/next_obs/position"), ("unpaired", "bad", "/data/run_5")),
        (empty, ("unpaired", "bad", "/data/run_3")),
        (other_shape, ("shape", "bad", "/data/run_4")),
        (lambda file: file["data/run_0"].attrs.__setitem__("num_samples", 21), ("count", "bad", "/data/run_0")),
        (names_another, ("dangling", "bad", "/mask/train")),
    ],
)
def test_what_differs_in_one_episode_is_said_once(tmp_path, change, wanted):
    found = said(demos(tmp_path / "x.h5", change=change))
    assert wanted in found
    assert len(found) <= 2  # an episode that is gone is missing in the total, too


def test_a_total_that_is_not_the_sum_is_said(tmp_path):
    path = demos(tmp_path / "x.h5", change=lambda file: file["data"].attrs.__setitem__("total", 7))
    (finding,) = Hdf5Reader.recognise(path, StoreOptions()).layout().findings
    assert (finding.code, finding.details["said"], finding.details["there"]) == ("count", 7, 165)


def last_states(file):
    for number in range(6):
        file[f"data/run_{number}/states"] = np.zeros((21 + 3 * number, 4))


def linked(file):
    del file["data/run_2/next_obs"]
    file["data/run_2/next_obs"] = h5py.SoftLink("/data/run_2/obs")


def layers(file):
    for number, (inside, outside) in enumerate([(3, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 9)]):
        file[f"model/dense_{number}/kernel:0"] = np.zeros((inside, outside))
        if number != 4:
            file[f"model/dense_{number}/bias:0"] = np.zeros(outside)


def pictures(file):
    rng = np.random.default_rng(1)
    for number in range(30):
        file[f"pictures/p_{number}/boxes"] = np.zeros((1 + rng.integers(3) * (number % 4 == 0), 4))
        file[f"pictures/p_{number}/words"] = np.zeros((1 + rng.integers(5) * (number % 3 == 0), 2))


def sets(file):
    file["train/images"], file["train/labels"] = np.zeros((9, 4)), np.zeros(9)
    file["test/images"] = np.zeros((4, 4))


@pytest.mark.parametrize("change", [last_states, linked, layers, pictures, sets])
def test_what_may_differ_is_not_said(tmp_path, change):
    assert said(demos(tmp_path / "x.h5", change=change)) <= {("unsupported", "unverifiable", None)}


def episodes(folder, change=lambda number, file: None, count=5):
    folder.mkdir()
    for number in range(count):
        with h5py.File(folder / f"episode_{number}.hdf5", "w") as file:
            steps = 30 + number
            file["action"], file["observations/qpos"] = np.ones((steps, 7)), np.ones((steps, 7))
            file["observations/images/top"] = np.arange(steps * 48, dtype="u1").reshape(steps, 4, 4, 3)
            change(number, file)
    return folder


def of_files(folder):
    return [(it.code, it.file) for it in Hdf5Reader.recognise(folder, StoreOptions()).layout().findings]


def test_files_of_a_folder_are_compared_with_the_others(tmp_path):
    def without_camera(number, file):
        if number == 3:
            del file["observations/images/top"]

    def short(number, file):
        if number == 2:
            del file["action"]
            file["action"] = np.ones((28, 7))

    assert of_files(episodes(tmp_path / "sound")) == []
    assert of_files(episodes(tmp_path / "camera", without_camera)) == [("unpaired", "episode_3.hdf5")]
    assert of_files(episodes(tmp_path / "short", short)) == [("row-count", "episode_2.hdf5")]


def test_of_three_episodes_one_that_lacks_something_is_suspicious(tmp_path):
    found = said(demos(tmp_path / "x.h5", 3, lambda file: file.__delitem__("data/run_1/obs")))
    assert ("unpaired", "suspicious", "/data/run_1") in found


POINTS = {
    "points in a plane": {"keypoints": lambda n: (2, n), "size": lambda _: (2,)},
    "points seen by two cameras": {"left": lambda n: (2, n), "right": lambda n: (2, n), "center": lambda _: (2,)},
    "edges": {"edge_index": lambda n: (2, n), "span": lambda _: (2,)},
    "channels of sound": {"wav": lambda n: (2, 10 * n), "gain": lambda _: (2,)},
}


@pytest.mark.parametrize("name", POINTS)
def test_rows_that_are_axes_may_have_any_length(tmp_path, name):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(30):
            length = 25 if number % 10 == 3 else 17
            for part, shape in POINTS[name].items():
                file[f"sample_{number}/{part}"] = np.random.default_rng(number).random(shape(length))
    assert list(datacheck.scan(tmp_path / "a.h5", workers=1).findings) == []


def test_boxes_of_another_width_are_wrong(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(30):
            count = number % 4 + 1
            file[f"sample_{number}/boxes"] = np.random.default_rng(number).random((count, 5 if number == 7 else 4))
            file[f"sample_{number}/scores"] = np.random.default_rng(number).random(count)
    assert [it.message for it in datacheck.scan(tmp_path / "a.h5", workers=1).findings] == [
        "/sample_7: rows of boxes have the shape (5,), in the others (4,)"
    ]
