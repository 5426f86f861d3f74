"""Counts of samples that are a group or a dataset each, in attributes and scalars: checked, and made true in a copy."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 20


def write(path, name="{}", bad=(), **said):
    """Write samples, and the counts: attributes of the root whose names begin with `a_`, and scalars."""
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            values = np.random.default_rng(number).normal(size=(8, 8 + number % 3, 3))
            values[0, 0, 0] = np.nan if number in bad else 0
            file[name.format(number)] = values
        for key, number in said.items():
            if key.startswith("a_"):
                file.attrs[key[2:]] = number
            else:
                file[key] = number
    return path


SINGLE, GROUP = "{}", "trial_{}/x"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (SINGLE, {"num_imgs": COUNT}),
        (SINGLE, {"a_num_images": COUNT, "a_total": COUNT}),
        (SINGLE, {"a_length": COUNT}),
        ("image_{:03}", {"n_images": COUNT}),
        (GROUP, {"n_trials": COUNT}),
        (GROUP, {"a_n_trials": COUNT}),
        (GROUP, {"a_total": COUNT}),
    ],
)
def test_a_true_count_is_clean_and_true_in_the_copy(tmp_path, name, said):
    source = write(tmp_path / "a.h5", name, bad=(4,), **said)
    assert {it.code for it in datacheck.scan(source, workers=1).findings} == {"nan"}
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        for key in said:
            held = file.attrs[key[2:]] if key.startswith("a_") else file[key][()]
            assert held == COUNT - 1
            assert held.dtype == np.int64
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (SINGLE, {"num_imgs": COUNT + 2}),
        ("image_{:03}", {"a_n_images": COUNT - 3}),
        (GROUP, {"n_trials": COUNT + 1}),
        (GROUP, {"a_num_trials": COUNT + 1}),
    ],
)
def test_a_wrong_count_is_bad_and_true_in_the_copy(tmp_path, name, said):
    source = write(tmp_path / "a.h5", name, **said)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.verdict) == ("count", "bad")
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


SOMETHING_ELSE = [
    (SINGLE, {"num_classes": COUNT}),  # is as many by chance
    (SINGLE, {"a_n_channels": COUNT + 1}),
    (SINGLE, {"a_num_images": 6000}),  # of all files of the set
    (SINGLE, {"a_num_samples": 8}),  # of each
    (GROUP, {"n_frames": COUNT}),
    (GROUP, {"a_n_bins": COUNT}),
]


@pytest.mark.parametrize(("name", "said"), SOMETHING_ELSE)
def test_a_number_of_something_else_is_left_alone(tmp_path, name, said):
    source = write(tmp_path / "a.h5", name, bad=(4,), **said)
    assert {it.code for it in datacheck.scan(source, workers=1).findings} == {"nan"}
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1, accept_losses=True)
    with h5py.File(tmp_path / "b.h5") as file:
        for key, number in said.items():
            held = file.attrs[key[2:]] if key.startswith("a_") else file[key][()]
            assert held == number


def test_names_of_datasets_that_are_not_there_are_dangling(tmp_path):
    source = write(tmp_path / "a.h5", "{}", names=np.array([b"%d" % it for it in range(1, COUNT + 1)]))
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.details["missing"]) == ("dangling", [str(COUNT)])
