"""Attributes that count the rows of a table are made true in a copy; those with numbers of its rows are named."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

ROWS = 60


def write(path, width=4, of_file=(), of_data=()):
    values = np.random.default_rng(1).normal(size=(ROWS, width))
    values[5, 1] = np.nan
    with h5py.File(path, "w") as file:
        file["data"], file["label"] = values, np.arange(ROWS) % 3
        file.attrs.update(dict(of_file))
        file["data"].attrs.update(dict(of_data))
    return path


def copied(source):
    receipt = datacheck.rebuild(source, source.with_name("copy.h5"), drop_bad=True, workers=1)
    with h5py.File(source.with_name("copy.h5")) as file:
        assert len(file["data"]) == len(file["label"]) == ROWS - 1
        return dict(file.attrs), dict(file["data"].attrs), receipt


@pytest.mark.parametrize("name", ["num_samples", "n_samples", "length", "total", "num_data", "n_examples", "size"])
def test_a_count_of_the_rows_is_made_true(tmp_path, name):
    of_file, _, receipt = copied(write(tmp_path / "a.h5", of_file={name: ROWS}))
    assert of_file[name] == ROWS - 1
    assert receipt.repairs.values == {f"/: {name}": "59"}


def test_the_shape_of_a_dataset_is_made_true(tmp_path):
    _, of_data, _ = copied(write(tmp_path / "a.h5", of_data={"shape": (ROWS, 4), "length": ROWS, "scale": 2}))
    assert (of_data["shape"].tolist(), of_data["length"], of_data["scale"]) == ([ROWS - 1, 4], ROWS - 1, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_samples", 66),
        ("num_classes", ROWS),
        ("num_labels", ROWS),
        ("batch_size", ROWS),
        ("data_size", ROWS),
        ("year", ROWS),
        ("num_samples", float(ROWS) + 0.5),
    ],
)
def test_other_numbers_stay(tmp_path, name, value):
    assert copied(write(tmp_path / "a.h5", of_file={name: value}))[0] == {name: value}


def test_a_number_of_columns_stays_where_there_are_as_many_rows(tmp_path):
    assert copied(write(tmp_path / "a.h5", width=ROWS, of_file={"num_data": ROWS}))[0] == {"num_data": ROWS}


def events(path, numbers):
    """Write events and pictures that say which of them come before, as e2vid and ESIM have them."""
    with h5py.File(path, "w") as file:
        file["events/t"] = np.r_[np.arange(500.0), np.nan, np.arange(399.0)]
        file["events/x"], file.attrs["num_events"] = np.arange(900) % 40, 900
        for at, number in enumerate(numbers):
            file[f"images/image{at:09}"] = np.random.default_rng(at).integers(0, 255, (18, 24), "u1")
            file[f"images/image{at:09}"].attrs["event_idx"] = number
    return path


def test_numbers_of_rows_in_attributes_are_named(tmp_path):
    source = events(tmp_path / "a.h5", np.arange(12) * 75)
    with pytest.raises(datacheck.UsageError, match="event_idx of /images/image000000000 and 11 more may hold numbers"):
        datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, accept_losses=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file.attrs["num_events"] == len(file["events/t"]) == 899


@pytest.mark.parametrize("numbers", [np.arange(12) * 5, np.arange(12) * 500, np.zeros(12, int) + 899], ids=str)
def test_numbers_that_lead_to_none_of_the_rows_are_copied(tmp_path, numbers):
    datacheck.rebuild(events(tmp_path / "a.h5", numbers), tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file.attrs["num_events"] == 899


@pytest.mark.parametrize(("name", "left"), [("length", ROWS), ("size", ROWS), ("len", ROWS), ("num_samples", ROWS - 1)])
def test_a_length_of_windows_stays_where_there_are_as_many_of_them(tmp_path, name, left):
    assert copied(write(tmp_path / "a.h5", width=ROWS, of_file={name: ROWS}))[0] == {name: left}


def test_a_number_of_pictures_is_made_true_where_they_are_as_high_as_they_are_many(tmp_path):
    images = np.random.default_rng(1).normal(size=(ROWS, ROWS, ROWS))
    images[5, 1, 1] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["label"] = images, np.arange(ROWS) % 3
        file.attrs.update(num_images=ROWS, image_size=ROWS)
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert dict(file.attrs) == {"num_images": ROWS - 1, "image_size": ROWS}


@pytest.mark.parametrize("test", [40, ROWS])
def test_counts_of_a_set_and_of_all_sets_are_made_true(tmp_path, test):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, rows in (("train", ROWS), ("test", test)):
            values = np.random.default_rng(rows).normal(size=(rows, 4))
            values[5, 1] = np.nan if name == "train" else 0.5
            file[f"{name}/data"], file[f"{name}/label"] = values, np.arange(rows) % 3
            file[name].attrs["num_samples"] = rows
        file.attrs.update(num_samples=ROWS + test, seed=ROWS + test)
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert dict(file.attrs) == {"num_samples": ROWS + test - 1, "seed": ROWS + test}
        assert [file[it].attrs["num_samples"] for it in ("train", "test")] == [ROWS - 1, test]


OF_SETS = [
    {"train_indices": range(40), "test_idx": range(40, ROWS)},
    {"test_start": 40},
    {"val_idx": 50},
    {"chosen_idx": [3, 8, 50]},
]


@pytest.mark.parametrize("numbers", OF_SETS, ids=str)
def test_a_rebuild_stops_where_attributes_say_which_rows_are_of_a_set(tmp_path, numbers):
    held = {name: it if isinstance(it, int) else list(it) for name, it in numbers.items()}
    source = write(tmp_path / "a.h5", of_file=held)
    with pytest.raises(datacheck.UsageError, match="may hold numbers of rows"):
        datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, workers=1)


@pytest.mark.parametrize(
    "held",
    [
        {"channel_idx": [0, 1, 2, 3]},
        {"index": 50},
        {"freq_index": list(range(40))},
        {"class_ids": [3, 8, 50]},
        {"idx": [5, 50, 5]},
        {"train_start": 0},
        {"idx": [-1, 50]},
    ],
    ids=str,
)
def test_a_rebuild_does_not_stop_for_other_numbers(tmp_path, held):
    copied(write(tmp_path / "a.h5", of_file=held))


@pytest.mark.parametrize("name", ["images/image{}", "images/image{:03d}"])
def test_a_rebuild_stops_where_pictures_point_to_events(tmp_path, name):
    source = write(tmp_path / "a.h5")
    with h5py.File(source, "a") as file:
        for at in range(12):
            file[name.format(at)] = np.random.default_rng(at).integers(0, 255, (16, 16)).astype("u1")
            file[name.format(at)].attrs["event_idx"] = 5 * at
    with pytest.raises(datacheck.UsageError, match=r"the attribute event_idx of /images/image0+ and 11 more"):
        datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, workers=1)
