"""Names that look like a fault and may be none: what is said of stores whose datasets may be as long as they are."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions

DRAW = np.random.default_rng(7)


def floats(*shape):
    return DRAW.normal(size=shape).astype("f4")


def some(high, rows):
    return np.sort(DRAW.choice(high, rows, replace=False))


def said(path, datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    findings = Hdf5Reader.recognise(path, StoreOptions()).layout().findings
    return sorted({it.verdict for it in findings if it.code in ("row-count", "dangling", "empty")})


MAY_BE_A_FAULT = {
    "queries and passages": {"queries": floats(100, 8), "passages": floats(120, 8)},
    "several captions of a picture": {"images": floats(100, 4, 4), "captions": floats(120, 16)},
    "masks of some pictures": {"images": floats(100, 4, 4), "masks": floats(80, 4, 4)},
    "two domains": {"source": floats(100, 8), "target": floats(90, 8)},
    "two domains by letters": {"src_x": floats(100, 8), "tgt_x": floats(90, 8)},
    "sound and picture by their own clocks": {"video_ts": np.arange(300.0), "audio_ts": np.arange(290.0)},
    "low and high risk": {"low": floats(100, 4), "high": floats(90, 4)},
    "learning rates and heart rates": {"lr": floats(100), "hr": floats(90)},
    "a sensor with a clock of its own": {
        "pos": floats(500),
        "vel": floats(500),
        "cmd": floats(500),
        "imu": floats(490),
    },
    "streams of tokens": {"input_tokens": np.arange(1200), "target_tokens": np.arange(900)},
    "a reward an episode": {"observations": floats(100, 4), "actions": floats(100, 2), "rewards": floats(10)},
    "a table of actions": {"observations": floats(100, 8, 8), "actions": floats(18, 2)},
    "two sets of points": {"x": floats(30, 3), "y": floats(20, 3)},
    "labels of the first rows": {"X": floats(100, 8), "y": np.arange(10) % 3},
    "a label a window": {"data": floats(1000, 6), "labels": np.arange(99) % 5},
    "a reward for what is seen": {
        "obs": floats(101, 4),
        "action": floats(100, 2),
        "reward": floats(101),
        "done": np.zeros(101, bool),
    },
    "ends of something else": {"obs": floats(100, 3), "seq_stop": np.array([500, 900, 1300])},
    "an option of samples": {"images": floats(30, 8), "sample_extra": np.zeros((30, 0))},
}
SOUND = {
    "inputs, outputs and weights between": {"inputs": floats(100), "outputs": floats(90), "w": floats(100, 90)},
    "scores of all passages": {"queries": floats(100, 8), "passages": floats(120, 8), "scores": floats(100, 120)},
    "captions that name their picture": {
        "images": floats(100, 4, 4), "captions": floats(120, 16), "image_idx": np.r_[np.arange(100), np.arange(20)],
    },
    "judgements of passages": {
        "queries": floats(100, 8), "passages": floats(120, 8),
        "qrels_pairs": np.stack([np.arange(150) % 100, np.arange(150) % 120], axis=1),
    },
    "axes of a field": {"x": floats(100), "y": floats(100), "z": floats(100), "t": floats(96), "f": floats(96, 100)},
    "what each was normalised by": {
        "x_train": floats(50, 30), "y_train": floats(50, 5), "x_mean": floats(30), "y_mean": floats(5),
        "input_std": floats(30), "target_std": floats(5),
    },
    "names of classes as vectors": {"image_embeddings": floats(100, 32), "label_embeddings": floats(10, 32)},
    "edges of a histogram": {"x_edges": np.arange(101.0), "y_edges": np.arange(51.0), "hist": floats(100, 50)},
    "three axes of a sensor": {"acc_x": floats(100), "acc_y": floats(99), "acc_z": floats(101)},
    "drugs and what they act on": {"sample_ids": np.arange(100), "target_ids": np.arange(30), "bound": floats(100, 30)},
    "a class as one of ten": {"image": floats(64, 64, 3), "label": np.eye(10)[3]},
    "a label of a clip": {"data": floats(1600), "label": np.array([3])},
    "a label of a graph": {"x": floats(30, 16), "edge_index": np.zeros((2, 60), "i8"), "y": np.array([0.3])},
    "a template": {"moving": floats(100, 4, 4), "target": floats(1, 4, 4)},
    "one observation more an episode": {
        "observations": floats(1010, 4), "actions": floats(1000, 2), "terminals": np.arange(1000) % 100 == 99,
    },
    "one observation more a run that is listed": {
        "observations": floats(1010, 4), "actions": floats(1000, 2), "episode_ends": np.arange(100, 1001, 100),
    },
    "the last rows of episodes": {
        "observations": floats(1000, 4), "actions": floats(1000, 2), "terminals": np.arange(99, 1000, 100),
    },
    "places on a chromosome": {
        "sequences": floats(100, 50), "sequence_length": np.full(100, 50),
        "sequence_start": DRAW.integers(0, 10**7, 100),
    },
    "ends on a chromosome": {"sequences": floats(100, 50), "sequence_end": DRAW.integers(0, 10**7, 100)},
    "ends of answers in their texts": {
        "answer": floats(100, 20), "answer_start_idx": DRAW.integers(0, 300, 100),
        "answer_end_idx": DRAW.integers(300, 400, 100),
    },
    "patients of a split": {"data": floats(100, 8), "patient": some(130, 100)},
    "a flag for what is seen": {
        "obs": floats(101, 4), "action": floats(100, 2), "reward": floats(100), "done": np.zeros(101, bool),
    },
    "rows of several lengths": {
        "data": floats(1000), "indptr": np.r_[0, some(1000, 99), 1000], "indices": np.arange(100),
    },
    "codes of products": {"g/codes": np.arange(100), "g/categories": np.arange(9)},
    "what was observed": {"X": floats(50, 8), "obs": floats(100, 4), "var": floats(8)},
    "names of classes": {"images": floats(100, 8), "labels": np.array([b"c%d" % at for at in range(10)])},
    "rows that have labels": {"data": floats(100, 8), "labels": np.arange(40) % 3, "label_indices": some(100, 40)},
}  # fmt: skip
SOUND["patients of a split"]["split/train"] = SOUND["patients of a split"]["patient"][::3]


@pytest.mark.parametrize("name", MAY_BE_A_FAULT)
def test_what_names_alone_do_not_tell_is_suspicious(tmp_path, name):
    assert said(tmp_path / "a.h5", MAY_BE_A_FAULT[name]) == ["suspicious"]


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_said_where_the_data_tell_that_lengths_differ(tmp_path, name):
    assert said(tmp_path / "a.h5", SOUND[name]) == []


FAULTS = {
    "noisy and clean": {"noisy": floats(100, 8), "clean": floats(98, 8)},
    "signals": {"noisy": floats(1000), "clean": floats(990)},
    "small and large pictures": {"lr": floats(100, 4, 4), "hr": floats(98, 8, 8)},
    "inputs and outputs": {"inputs": floats(100, 8), "outputs": floats(98, 3)},
    "triplets": {"anchor": floats(100, 8), "positive": floats(98, 8), "negative": floats(100, 8)},
    "events": {"x": floats(500), "y": floats(500), "p": floats(500), "t": floats(497)},
    "images and labels": {"images": floats(100, 8), "labels": np.arange(98) % 3},
    "a split": {"X_train": floats(100, 8), "y_train": np.arange(60) % 3},
    **{f"a split, {of}": {f"X_{of}": floats(100, 8), f"y_{of}": np.arange(60) % 3} for of in ("testing", "holdout")},
    "a split without data": {"X_train": floats(0, 8), "y_train": np.arange(60) % 3},
    "a split with numbers of its rows": {
        "X_train": floats(100, 8), "y_train": np.arange(98) % 3, "index_train": np.arange(98),
    },
    "names that are alike": {"my_data": floats(100, 8), "my_labels": np.arange(98) % 3},
    "steps": {"observations": floats(100, 4), "actions": floats(98, 2), "rewards": floats(98)},
    "steps with ends": {
        "observations": floats(1000, 4), "actions": floats(988, 2), "terminals": np.arange(988) % 100 == 99,
    },
    "rows of a split beyond the last": {"data": floats(100, 8), "train_idx": np.arange(50, 103)},
    "ends that fall": {"action": floats(60, 4), "obs": floats(60, 2), "episode_ends": np.array([20, 10, 60])},
    "ends beyond the last row": {"obs": floats(60, 3), "episode_ends": np.array([20, 40, 90])},
    "texts that are too few": {"images": floats(100, 8), "labels": np.array([b"c%d" % at for at in range(98)])},
    "a number too few of a matrix": {"data": floats(500), "indices": np.arange(499), "indptr": np.arange(0, 501, 5)},
    "data without a value": {"images": np.zeros((30, 0)), "label": np.arange(30) % 3},
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_one_to_one_by_its_meaning_is_bad(tmp_path, name):
    assert said(tmp_path / "a.h5", FAULTS[name]) == ["bad"]


def write(folder, files):
    folder.mkdir()
    for name, values in files.items():
        with h5py.File(folder / name, "w") as file:
            file["data"] = values
    return {it.verdict for it in datacheck.scan(folder, workers=1).findings if it.code == "row-count"}


def test_files_of_axes_are_no_data_and_labels(tmp_path):
    axes = {f"acc_{axis}.h5": floats(100 - at) for at, axis in enumerate("xyz")}
    assert write(tmp_path / "three", axes) == set()
    assert write(tmp_path / "two", {"acc_x.h5": floats(100), "acc_y.h5": floats(99)}) == {"suspicious"}
    assert write(tmp_path / "set", {"train_x.h5": floats(100, 4), "train_y.h5": floats(99)}) == {"bad"}


def counted(path, name, number, above="/", frames=30, sound=480):
    with h5py.File(path, "w") as file:
        for at in range(5):
            group = file.create_group(f"{above.rstrip('/')}/clip_{at}")
            group["mel"], group["f0"] = floats(frames + at, 4), floats(frames + at)
            group["wave"] = floats(16 * (sound + at))
            if name == "num_samples":
                group.attrs[name] = number + (16 * at if number > frames else at)
        if name != "num_samples":
            file[above].attrs[name] = number
    findings = Hdf5Reader.recognise(path, StoreOptions()).layout().findings
    return [it.verdict for it in findings if it.code == "count"]


@pytest.mark.parametrize(
    ("name", "number", "above", "verdicts"),
    [
        ("num_samples", 30, "/", []),
        ("num_samples", 16 * 480, "/", []),
        ("num_samples", 29, "/", ["bad"] * 5),
        ("num_episodes", 5, "/", []),
        ("num_episodes", 6, "/", ["bad"]),
        ("num_episodes", 4, "/", ["bad"]),
        ("num_episodes", 1000, "/", ["suspicious"]),
        ("total", 100_000, "/data", ["bad"]),
    ],
)
def test_an_attribute_may_count_something_else(tmp_path, name, number, above, verdicts):
    assert counted(tmp_path / "a.h5", name, number, above) == verdicts


def test_what_the_caller_says_belongs_together_is_bad_and_told_once(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["captions"] = floats(100, 4), floats(120, 4)
    for options, verdicts in (({}, ["suspicious"]), ({"together": ["images,captions"]}, ["bad"])):
        report = datacheck.scan(tmp_path / "a.h5", workers=1, **options)
        assert [it.verdict for it in report.findings if it.code == "row-count"] == verdicts
