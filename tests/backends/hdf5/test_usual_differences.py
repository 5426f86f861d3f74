"""Datasets that differ by the same number of rows in all samples, such as features with a token for the class."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store

PICTURES = 12


def parts(file, group, count, more, names):
    rng = np.random.default_rng(count)
    file[f"{group}/{names[0]}"] = rng.normal(size=(count + more, 4)).astype("f4")
    file[f"{group}/{names[1]}"] = rng.integers(0, 999, (count, 2))


def told(path):
    forget_walks()
    return [(it.code, it.verdict, it.details.get("rows")) for it in open_store(path).layout().findings]


def one_file(path, names=("embeddings", "coords"), odd=None, more=1, count=lambda at: 40 + 3 * at, group="{}"):
    with h5py.File(path / "a.h5", "w") as file:
        for at in range(PICTURES):
            parts(file, group.format(f"it_{at}"), count(at), more if at != odd else more + 1, names)
    return path / "a.h5"


def files(path, names=("features", "coords"), odd=None, more=1, called="TCGA-{:x}.h5"):
    for at in range(PICTURES):
        with h5py.File(path / called.format(2741 * at**3), "w") as file:
            parts(file, "", 40 + 3 * at, more if at != odd else more + 1, names)
    return path


def alone(path, features, coords):
    with h5py.File(path / "a.h5", "w") as file:
        parts(file, "", coords, features - coords, ("embeddings", "coords"))
    return path / "a.h5"


@pytest.mark.parametrize("more", [1, 5])
def test_the_same_difference_everywhere_is_by_design(tmp_path, more):
    assert told(files(tmp_path, more=more)) == []
    assert told(one_file(tmp_path, more=more)) == []


def test_another_difference_in_one_of_the_files_is_bad(tmp_path):
    assert told(files(tmp_path, odd=4)) == [("row-count", "bad", {"/features": 54, "/coords": 52})]


def test_labels_that_are_missing_everywhere_are_bad(tmp_path):
    assert [it[:2] for it in told(files(tmp_path, ("data", "label")))] == [("row-count", "bad")] * PICTURES


@pytest.mark.parametrize(
    ("features", "coords", "verdicts"),
    [(197, 196, []), (261, 256, []), (198, 196, []), (197, 195, ["bad"]), (201, 200, ["bad"]), (195, 196, ["bad"])],
)
def test_tokens_beside_the_patches_of_a_square_picture(tmp_path, features, coords, verdicts):
    assert [it[1] for it in told(alone(tmp_path, features, coords))] == verdicts


@pytest.mark.parametrize(
    ("names", "verdict"),
    [(("obs", "actions"), "bad"), (("embeddings", "coords"), "bad"), (("words", "gaps"), "suspicious")],
)
def test_a_sample_with_another_difference_than_the_others(tmp_path, names, verdict):
    assert told(one_file(tmp_path, names)) == []
    rows = {names[0]: 57, names[1]: 55}
    assert told(one_file(tmp_path, names, odd=5)) == [("row-count", verdict, rows)]


def test_differences_of_equally_long_samples_tell_nothing(tmp_path):
    assert told(one_file(tmp_path, ("atoms", "cell"), odd=5, count=lambda _: 3)) == []
