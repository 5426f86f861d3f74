"""Numbered groups and datasets within samples: parts that all have, or samples of their own, in any number."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from covering import pairwise

import datacheck

COUNTS = (21, 14, 17, 9, 20, 18)
"""How many trials each subject has."""
ONE_LESS = (20, 20, 20, 19, 20, 20)


def noise(seed, *shape):
    return np.random.default_rng(seed).random(shape).astype("f4")


def write(path, names, counts, *, lengths, lacks=(), parts=("eeg", "label"), beside=""):
    """Write groups with so many numbered groups each: outer, inner = `names`; `lacks` is a path that is left out."""
    outer, inner = names
    with h5py.File(path, "w") as file:
        for at, count in enumerate(counts):
            if beside and f"{outer.format(at)}/{beside}" not in lacks:
                file[f"{outer.format(at)}/{beside}"] = noise(at, 12)
            for number in range(count):
                for part in parts:
                    place = "/".join([outer.format(at), inner.format(number), *([part] if part else [])])
                    if place not in lacks:
                        file[place] = noise(100 * at + number, lengths(at, number), 4 if part != "label" else 1)
    return path


def differing(at, number):
    return 40 + (7 * number + at) % 11


def fixed(at, number):
    return 40


def of_outer(at, number):
    return 40 + at


NAMES = [("subject_{}", "trial_{}"), ("20{:02d}", "{}"), ("episode_{}", "step_{:04d}"), ("s{}", "run{}")]


def said(path):
    return [(it.verdict, it.code, it.message) for it in datacheck.scan(path).findings]


@pytest.mark.parametrize(
    ("names", "beside", "counts", "lengths"),
    pairwise(NAMES, ["", "age"], [COUNTS, ONE_LESS, (12, 12, 9), (12, 9), (3, 5, 4, 2, 6, 3)], [differing, fixed]),
)
def test_a_group_with_fewer_samples_than_the_others_lacks_nothing(tmp_path, names, beside, counts, lengths):
    assert said(write(tmp_path / "a.h5", names, counts, lengths=lengths, beside=beside)) == []


@pytest.mark.parametrize("counts", [COUNTS, ONE_LESS, (3, 5, 4, 2, 6, 3)])
def test_a_speaker_with_fewer_utterances_lacks_nothing(tmp_path, counts):
    assert said(write(tmp_path / "a.h5", ("p{}", "{:03d}"), counts, lengths=differing, parts=("",))) == []


@pytest.mark.parametrize(
    ("names", "counts", "lengths"),
    pairwise(NAMES, [COUNTS, ONE_LESS, (12, 12, 12), (12, 12)], [differing, fixed]),
)
def test_a_part_that_one_of_the_inner_samples_lacks_is_named(tmp_path, names, counts, lengths):
    place = f"{names[0].format(1)}/{names[1].format(7)}"
    path = write(tmp_path / "a.h5", names, counts, lengths=lengths, lacks=(f"{place}/label",))
    assert said(path) == [("bad", "unpaired", f"/{place} lacks label, which most of the others have")]


def test_what_the_other_subjects_have_beside_their_trials_is_missed(tmp_path):
    path = write(
        tmp_path / "a.h5", NAMES[0], COUNTS, lengths=differing, beside="age", lacks=("subject_3/age",)
    )  # fmt: skip
    assert said(path) == [("bad", "unpaired", "/subject_3 lacks age, which most of the others have")]


@pytest.mark.parametrize("parts", [("rgb", "depth"), ("rgb",)])
def test_a_camera_that_an_episode_lacks_is_missed_where_cameras_have_the_rows_of_their_episode(tmp_path, parts):
    counts = (3,) * 6 + (2,) + (3,) * 3
    path = write(tmp_path / "a.h5", ("episode_{}", "camera_{}"), counts, lengths=of_outer, parts=parts)
    ((verdict, code, message),) = said(path)
    assert (verdict, code) == ("bad", "unpaired")
    assert message.startswith("/episode_6 lacks camera_2/")


def test_molecules_have_any_number_of_conformers_of_their_atoms(tmp_path):
    counts = [1 + (7 * at) % 11 for at in range(20)]
    path = write(tmp_path / "a.h5", ("mol_{}", "conf_{}"), counts, lengths=of_outer, parts=("xyz", "forces"))
    assert said(path) == []


def test_many_numbered_columns_of_an_episode_are_compared(tmp_path):
    path = write(tmp_path / "a.h5", ("episode_{}", "joint_{}"), (14,) * 6, lengths=of_outer, parts=("",))
    with h5py.File(path, "a") as file:
        del file["episode_2/joint_5"]
        file["episode_2/joint_5"] = noise(1, 41, 4)
    ((verdict, code, message),) = said(path)
    assert (verdict, code) == ("bad", "row-count")
    assert "joint_5 has 41" in message


def test_a_copy_loses_the_inner_sample_and_not_its_group(tmp_path):
    path = write(tmp_path / "a.h5", NAMES[1], COUNTS, lengths=fixed, lacks=("2003/5/label",))
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert [len(file[f"20{at:02d}"]) for at in range(len(COUNTS))] == [21, 14, 17, 8, 20, 18]
    assert said(tmp_path / "copy.h5") == []


def test_a_copy_loses_the_episode_whose_step_lacks_its_action(tmp_path):
    path = write(tmp_path / "a.h5", NAMES[2], COUNTS, lengths=fixed, lacks=("episode_3/step_0005/label",))
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert len(file) == len(COUNTS) - 1
    assert said(tmp_path / "copy.h5") == []
