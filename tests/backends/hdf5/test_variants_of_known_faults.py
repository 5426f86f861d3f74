"""Faults that are found in one layout, in others: pictures as texts in a group of their own, and lengths of runs."""

import io

import h5py
import numpy as np
import pytest
from PIL import Image

import datacheck

LENGTHS = np.array([20, 25, 30, 25])


def jpeg(at):
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(at).integers(0, 255, (24, 32, 3)).astype("u1")).save(data, "JPEG")
    return data.getvalue()


PICTURES = [jpeg(at) for at in range(12)]


def told(path):
    return [(it.key, it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


def pictures(path, at=None, value=b""):
    """Write pictures as texts of a fixed length, with the labels in another group."""
    with h5py.File(path, "w") as file:
        file["images/rgb"] = np.array([value if it == at else PICTURES[it] for it in range(12)], "S")
        file["images/names"] = np.array([f"a picture of some length {it:040}.jpg" for it in range(12)], "S80")
        file["classes/label"] = np.arange(12) % 5
    return path


def test_pictures_as_texts_in_a_group_of_their_own_are_checked(tmp_path):
    assert told(pictures(tmp_path / "a.h5")) == []
    assert told(pictures(tmp_path / "a.h5", 7, PICTURES[7][:300])) == [("/images[7]", "truncated", "bad")]
    assert told(pictures(tmp_path / "a.h5", 3)) == [("/images[3]", "empty", "bad")]


def test_texts_that_are_no_pictures_are_names_of_something(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["names/a"] = np.array([b"", *[b"a name of at least sixty-four bytes".ljust(80, b".")] * 11], "S80")
        file["classes/label"] = np.arange(12) % 5
    assert told(tmp_path / "a.h5") == []


def episodes(path, lengths, name="meta/episode_lengths"):
    with h5py.File(path, "w") as file:
        file["data/action"] = np.random.default_rng(0).normal(size=(100, 7))
        file["data/state"] = np.random.default_rng(1).normal(size=(100, 9))
        file[name] = lengths
    return [it[1:] for it in told(path)]


@pytest.mark.parametrize("lengths", [[20, 25, 30, 30], [20, 25, 30, 20], [20, -10, 30, 25], [*[9] * 9, 11]], ids=str)
def test_lengths_of_episodes_in_another_group_add_up(tmp_path, lengths):
    assert episodes(tmp_path / "a.h5", lengths) == [("count", "bad")]


@pytest.mark.parametrize(
    "lengths",
    [LENGTHS, LENGTHS + 1, [20, -1, 30, 25], LENGTHS // 2, [100], [95]],
    ids=["sound", "one observation more", "one is not known", "other things", "one", "one of another size"],
)
def test_other_lengths_are_sound(tmp_path, lengths):
    assert episodes(tmp_path / "a.h5", lengths) == []


def test_lengths_of_something_else_are_sound(tmp_path):
    assert episodes(tmp_path / "a.h5", LENGTHS + 1, name="meta/horizon") == []
    assert episodes(tmp_path / "a.h5", [*range(95, 105)] * 10, name="meta/seq_lengths") == []


@pytest.mark.parametrize(("index", "expected"), [(7, []), (-1, [("/X/data[5]", "dangling", "bad")])])
def test_no_index_of_a_sparse_matrix_without_a_shape_is_negative(tmp_path, index, expected):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        indices = np.tile(np.arange(0, 40, 4), 30)
        indices[5] = index
        file["X/data"], file["X/indices"] = np.random.default_rng(0).random(300), indices.astype("i4")
        file["X/indptr"] = np.arange(0, 310, 10)
    assert told(tmp_path / "a.h5") == expected
