"""HDF5 files that look like faulty ones and are sound, and copies of them that would not be true."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import UsageError

RANDOM = np.random.default_rng(11)


def floats(*shape: int) -> Any:
    return RANDOM.normal(size=shape).astype("f4")


def written(folder: Path, datasets: Mapping[str, Any]) -> Path:
    path = folder / "data.h5"
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def groups(name: str, several: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"{name}_{at}/{key}": it for at, own in enumerate(several) for key, it in own.items()}


def codes(path: Path) -> set[str]:
    return {it.code for it in datacheck.scan(path).findings if it.verdict != "suspicious"}


def boxes(counts: list[int]) -> dict[str, Any]:
    return groups("img", [{"image": floats(16, 16, 3), "boxes": floats(n, 4), "labels": np.arange(n)} for n in counts])


def of_fixed_size(sizes: list[int]) -> dict[str, Any]:
    return groups("mol", [{"xyz": floats(n, 3), "charges": floats(n), "cell": floats(3, 3)} for n in sizes])


def graphs(label: int) -> dict[str, Any]:
    return groups("graph", [{"x": floats(n, 8), "pos": floats(n, 3), "y": np.arange(label)} for n in (5, 6, 7, 8)])


SOUND = {
    "pictures without boxes": boxes([0, 2, 1, 3, 0, 1, 2, 4]),
    "a size that is the usual number of atoms": of_fixed_size([3, 3, 5, 3, 3, 3, 8, 3, 3, 3]),
    "one label a graph": graphs(1),
    "square matrices": groups("mol", [{"fock": floats(n, n), "x": floats(n, 3)} for n in [7] * 5 + [13, 7, 9]]),
    "pictures of channels": groups(
        "img", [{"image": floats(3, h, 30), "normal": floats(3, h, 30)} for h in [20] * 5 + [30, 20]]
    ),
    "labels of MATLAB": {"X": floats(50, 3, 8, 8), "y": np.arange(50)[None]},
    "samples on the last axis": {"data": floats(9, 50), "labels": np.arange(50)},
    "a label a run": {"data": floats(60, 4), "seq_offsets": np.array([0, 20, 45, 60]), "labels": np.arange(3)},
    "times of ends": {"action": floats(60, 4), "episode_end_time": np.array([1_700_000_000, 1_700_000_100])},
    "flags of ends": {"action": floats(60, 4), "episode_end": np.tile([0, 0, 1], 20)},
    "runs in any order": {
        "action": floats(60, 4),
        "episode_start": np.array([40, 0, 20]),
        "episode_end": np.array([60, 20, 40]),
    },
}


@pytest.mark.parametrize("name", SOUND)
def test_it_finds_nothing_in_what_only_looks_faulty(tmp_path: Path, name: str) -> None:
    assert codes(written(tmp_path, SOUND[name])) == set()


def test_it_names_the_fault_where_the_sizes_do_not_tell_otherwise(tmp_path: Path) -> None:
    lengths = [40, 40, 39, 40, 40]
    several = [{"action": floats(n, 4), "qpos": floats(40, 4), "cam": floats(40, 8)} for n in lengths]
    assert codes(written(tmp_path, groups("episode", several))) == {"row-count"}


def test_it_names_an_empty_episode(tmp_path: Path) -> None:
    several = [{"action": floats(n, 4), "qpos": floats(n, 4), "goal": floats(3)} for n in (20, 30, 0, 25)]
    assert codes(written(tmp_path, groups("episode", several))) == {"unpaired"}


def test_it_names_labels_that_lack_rows(tmp_path: Path) -> None:
    datasets = {"data": floats(60, 4), "mean": floats(4), "labels": np.arange(59)}
    assert codes(written(tmp_path, datasets)) == {"row-count"}


def test_it_names_ends_that_fall(tmp_path: Path) -> None:
    datasets = {"action": floats(60, 4), "obs": floats(60, 2), "episode_ends": np.array([20, 10, 60])}
    assert codes(written(tmp_path, datasets)) == {"dangling"}


LOSING = {
    "ranges": ({"features": floats(60, 4), "pos_boxes": np.array([[0, 20], [20, 60]])}, "features"),
    "edges": ({"node_feat": floats(50, 4), "edge_index": np.array([[0, 49, 3], [4, 5, 6]])}, "node_feat"),
    "the last observation": ({"observations": floats(41, 4), "actions": floats(40, 2)}, "observations"),
    "a row an episode": (
        {
            **groups("episode", [{"action": floats(n, 4), "obs": floats(n, 4)} for n in (20, 30, 40, 25)]),
            "meta/length": np.array([20, 30, 40, 25]),
        },
        "episode_1/obs",
    ),
    "numbers of episodes": (
        {
            **groups("demo", [{"action": floats(n, 4), "obs": floats(n, 4)} for n in (20, 30, 40, 25)]),
            "train_idx": np.arange(3),
        },
        "demo_1/obs",
    ),
    "ends that are rows": (
        {"data/action": floats(60, 4), "meta/episode_start": np.array([0, 20]), "meta/episode_end": np.array([19, 59])},
        "data/action",
    ),
}


@pytest.mark.parametrize("name", LOSING)
def test_a_copy_that_would_not_be_true_is_refused_by_name(tmp_path: Path, name: str) -> None:
    datasets, field = LOSING[name]
    path = written(tmp_path, datasets)
    with h5py.File(path, "r+") as file:
        file[field][7, 0] = np.nan
    with pytest.raises(UsageError, match="would be inconsistent"):
        datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert not (tmp_path / "copy.h5").exists()


def test_a_number_that_all_names_have_does_not_part_a_sample(tmp_path: Path) -> None:
    parts = {f"{name}_{at}": floats(20 + at, 4) for at in range(12) for name in ("wav", "mel", "f0")}
    path = written(tmp_path, parts)
    with h5py.File(path, "r+") as file:
        file["mel_7"][3, 0] = np.nan
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert parts.keys() - file.keys() == {"wav_7", "mel_7", "f0_7"}
