"""Counts that are not of the samples of this file: the number of one sample, and the size of a set of several files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 30


def write(path, first=0, last=COUNT, name="trial_{}/x", **attributes):
    with h5py.File(path, "w") as file:
        for number in range(first, last):
            file[name.format(number)] = np.random.default_rng(number).normal(size=(8, 8 + number % 3, 3))
        file.attrs.update(attributes)
    return path


def counts(source):
    return [(it.code, it.verdict) for it in datacheck.scan(source, workers=1).findings]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"trial_num": COUNT - 1}, []),  # the last one, or the one that this was
        ({"trial_num": COUNT}, []),
        ({"trial_num": COUNT + 3}, [("count", "bad")]),
        ({"num_trials": COUNT - 1}, [("count", "bad")]),
        ({"n_trials_total": COUNT + 6}, [("count", "suspicious")]),  # a set of which this may be a part
        ({"n_trials_total": COUNT}, []),
        ({"n_trials_total": COUNT - 3}, [("count", "bad")]),
    ],
)
def test_a_number_that_need_not_be_the_count_of_this_file_is_not_bad(tmp_path, said, expected):
    assert counts(write(tmp_path / "a.h5", **said)) == expected


PARTS = ((0, 50), (50, 60))


def write_parts(folder, said, parts=PARTS, spoiled=None):
    folder.mkdir()
    for at, (first, last) in enumerate(parts):
        with h5py.File(folder / f"part_{at}.h5", "w") as file:
            for number in range(first, last):
                values = np.random.default_rng(number).normal(size=(8, 8, 3))
                values[2, 3, 1] = np.nan if number == spoiled else 0
                file[f"image_{number}"] = values
            file.attrs["num_images"] = said
    return folder


def held(folder):
    made = []
    for path in sorted(folder.iterdir()):
        with h5py.File(path) as file:
            made.append((len(file), int(file.attrs["num_images"])))
    return made


def test_a_count_of_the_samples_of_all_files_is_no_wrong_count_of_one(tmp_path):
    source = write_parts(tmp_path / "a", 60)
    assert datacheck.scan(source, workers=1).clean
    assert counts(source) == []


def test_a_copy_of_several_files_has_a_true_count_in_each(tmp_path):
    source = write_parts(tmp_path / "a", 60, spoiled=55)
    datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert held(tmp_path / "b") == [(50, 59), (9, 59)]


def test_a_count_that_all_files_together_do_not_have_is_wrong_once(tmp_path):
    source = write_parts(tmp_path / "a", 63)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.verdict, finding.details["there"]) == ("count", "bad", 60)
    datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert held(tmp_path / "b") == [(50, 60), (10, 60)]


def test_a_count_is_suspicious_and_stays_where_a_whole_file_may_be_lacking(tmp_path):
    source = write_parts(tmp_path / "a", 90, parts=((0, 30), (30, 60)), spoiled=3)
    assert ("count", "suspicious") in counts(source)
    datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert held(tmp_path / "b") == [(29, 90), (30, 90)]


def test_equal_counts_that_each_file_has_are_of_each_file(tmp_path):
    parts = ((0, 30), (30, 59))
    assert counts(write_parts(tmp_path / "a", 30, parts=parts)) == [("count", "bad")]
