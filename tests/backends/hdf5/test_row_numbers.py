"""Datasets that hold numbers of rows, and datasets that are meant to be of one length."""

import h5py
import numpy as np
import pytest

from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions


def codes(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name.replace("__", "/")] = values
    return sorted(it.code for it in Hdf5Reader.recognise(path, StoreOptions()).layout().findings)


STEPS = {"action": np.ones((60, 7)), "state": np.ones((60, 3))}


@pytest.mark.parametrize(
    ("beside", "wanted"),
    [
        ({"episode_ends": [10, 30, 60]}, []),
        ({"meta__episode_ends": [10, 30, 60]}, []),
        ({"episode_ends": [10, 30, 61]}, ["dangling"]),
        ({"episode_ends": [30, 10, 60]}, ["dangling"]),
        ({"ep_offset": [0, 20, 40], "ep_len": [20, 20, 20]}, []),
        ({"ep_offset": [0, 20, 40], "ep_len": [20, 20, 25]}, ["dangling"]),
        ({"train_idx": np.arange(50), "val_idx": np.arange(50, 60)}, []),
        ({"train_idx": np.arange(50), "val_idx": np.array([51, 52, 60])}, ["dangling"]),
        ({"train_index": np.arange(1, 61)}, []),  # counted from one
        ({"train_idx": np.array([391895, 391917, 3])}, []),  # names of pictures
        ({"class_index": np.arange(1000)}, []),
    ],
)
def test_row_numbers_lead_to_rows(tmp_path, beside, wanted):
    beside = {name: np.asarray(values) for name, values in beside.items()}
    assert codes(tmp_path / "x.h5", **STEPS, **beside) == wanted


MATRIX = {
    "m__data": np.ones(9), "m__indices": np.arange(9) % 4, "m__indptr": np.array([0, 2, 5, 9]),
    "m__shape": np.array([4, 3]), "m__barcodes": np.array([b"aa", b"bb", b"cc"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, []),
        ({"m__indptr": np.array([0, 2, 5, 12])}, ["dangling"]),
        ({"m__indptr": np.array([0, 2, 5, 8])}, ["count"]),
        ({"m__indptr": np.array([0, 5, 2, 9])}, ["dangling"]),
        ({"m__indices": np.arange(8) % 4}, ["row-count"]),
        ({"m__indices": np.arange(9)}, ["dangling"]),
        ({"m__shape": np.array([4, 7])}, ["count", "count"]),
        ({"m__barcodes": np.array([b"aa", b"bb"])}, ["count"]),
    ],
)
def test_pointers_of_a_sparse_matrix_fit_its_values(tmp_path, change, wanted):
    found = codes(tmp_path / "x.h5", **{**MATRIX, **change})
    assert found == wanted or (wanted == ["count", "count"] and found == ["count"])


@pytest.mark.parametrize(
    ("lengths", "wanted"),
    [
        ({"X_train": 200, "y_train": 200, "X_test": 30, "y_test": 30}, []),
        ({"X_train": 200, "y_train": 190}, ["row-count"]),
        ({"train_set_x": 200, "train_set_y": 190, "list_classes": 2}, ["row-count"]),
        ({"my_data": 200, "my_labels": 199}, ["row-count"]),
        ({"data_x": 200, "data_y": 199}, ["row-count"]),
        ({"image_boxes": 500, "image_labels": 200, "images": 200}, []),
        ({"data": 200, "class_labels": 10, "vocabulary": 900}, []),
        ({"images": 200, "targets": 190}, ["row-count"]),
        ({"observations": 100, "actions": 100, "rewards": 100, "terminals": 100}, []),
        ({"observations": 101, "actions": 100, "rewards": 100}, []),
        ({"observations": 100, "actions": 98, "rewards": 98}, ["row-count"]),
        ({"observations": 100, "actions": 100, "rewards": 97}, ["row-count"]),
    ],
)
def test_datasets_of_one_meaning_have_as_many_rows(tmp_path, lengths, wanted):
    assert codes(tmp_path / "x.h5", **{name: np.ones((rows, 2)) for name, rows in lengths.items()}) == wanted


def test_names_of_classes_are_not_labels_of_rows(tmp_path):
    names = np.array([b"cat", b"dog"])
    assert codes(tmp_path / "x.h5", train_data=np.ones((50, 4)), train_labels=names) == []


def test_a_star_in_the_name_of_a_group_is_one_episode(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for number, steps in enumerate((5, 8)):
            file[f"data/e{number}/actions"], file[f"data/e{number}/obs/a"] = np.ones(steps), np.ones(steps)
            file[f"data/e{number}/obs/b"] = np.ones(steps - number)
    options = StoreOptions(together=(("data/*/actions", "data/*/obs/*"),))
    (finding,) = Hdf5Reader.recognise(tmp_path / "x.h5", options).layout().findings
    assert finding.details["rows"] == {"/data/e1/actions": 8, "/data/e1/obs/a": 8, "/data/e1/obs/b": 7}
