"""Scalars of samples that say how long something of them is, as files of TVSum and SumMe have them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

VIDEOS = 20


def videos(path, change=None, at=4):
    r = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        for number in range(VIDEOS):
            steps = int(r.integers(60, 120)) if number != at else 90
            frames = steps * 15 - int(r.integers(0, 14))
            group = file.create_group(f"video_{number + 1}")
            group["features"], group["gtscore"] = r.normal(size=(steps, 32)).astype("f4"), r.random(steps)
            cuts = np.sort(r.permutation(np.arange(1, frames - 1))[:8])
            first, last = np.r_[0, cuts + 1], np.r_[cuts, frames - 1]
            group["change_points"], group["n_frame_per_seg"] = np.stack([first, last], 1), last - first + 1
            group["n_frames"], group["n_steps"], group["picks"] = frames, steps, np.arange(steps) * 15
            group["user_summary"] = r.integers(0, 2, (5, frames)).astype("f4")
            group["fps"], group["num_users"] = 25, 5
            if number == at and change:
                change(group)
    return path


def said(path):
    return [(it.code, it.verdict, it.message) for it in datacheck.scan(path, workers=1).findings]


def test_sound_counts_are_clean(tmp_path):
    assert said(videos(tmp_path / "a.h5")) == []


@pytest.mark.parametrize(
    ("name", "what"), [("n_frames", "user_summary beside it has"), ("n_steps", "features beside it has 90 rows")]
)
def test_a_count_that_is_not_true_is_named(tmp_path, name, what):
    def change(group):
        group[name][()] += 30

    ((code, verdict, message),) = said(videos(tmp_path / "a.h5", change))
    assert (code, verdict) == ("count", "bad")
    assert message.startswith(f"/video_5/{name} says")
    assert what in message
    assert message.endswith("in the others they agree")
    assert [it.code for it in datacheck.scan(tmp_path / "a.h5", workers=1, convention="none").findings] == []


def texts(path, lengths, rows):
    with h5py.File(path, "w") as file:
        for number, (length, count) in enumerate(zip(lengths, rows, strict=True)):
            file[f"text_{number}/tokens"] = np.arange(count) % 97
            file[f"text_{number}/embedding"] = np.random.default_rng(number).normal(size=(count, 3))
            file[f"text_{number}/length"] = length
    return path


LENGTHS = np.random.default_rng(5).integers(20, 600, 60)
PADDED = {
    "cut": np.minimum(LENGTHS, 590),
    "padded to the least": np.maximum(LENGTHS, 25),
    "padded to the greatest": np.full(60, 600),
    "of something else": np.random.default_rng(6).integers(20, 600, 60),
    "often something else": np.where(np.arange(60) % 5, LENGTHS, 33),
}


@pytest.mark.parametrize("name", PADDED)
def test_texts_that_are_cut_or_padded_are_not_bad(tmp_path, name):
    assert {it[1] for it in said(texts(tmp_path / "a.h5", LENGTHS, PADDED[name]))} <= {"suspicious"}


def test_a_video_goes_as_a_whole_and_its_steps_not_without_a_word(tmp_path):
    def change(group):
        group["features"][7, 1] = np.nan

    source = videos(tmp_path / "a.h5", change)
    with pytest.raises(datacheck.UsageError, match="/video_5/n_steps says how long its sample is"):
        datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, drop_rows=True, workers=1)
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert len(file) == VIDEOS - 1
    assert said(tmp_path / "b.h5") == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_copy_goes_without_a_sample_whose_own_count_is_wrong(tmp_path, workers):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in range(24):
            length = 10 + 5 * at % 9
            file[f"s{at}/tokens"], file[f"s{at}/length"] = np.arange(length), length + (at == 5)
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=workers)
    with h5py.File(tmp_path / "b.h5") as file:
        assert set(file) == {f"s{at}" for at in range(24) if at != 5}
    assert not list(datacheck.scan(tmp_path / "b.h5", workers=workers).findings)
