"""Datasets that are a sample each and called by number: `--renumber` closes the numbers up, or says why it does not."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, BAD = 24, (5, 17)
LEFT = [it for it in range(COUNT) if it not in BAD]


def write(path, name="{}", more=lambda file: None):
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            values = np.random.default_rng(number).normal(size=(8, 8 + number % 3, 3))
            values[0, 0, 0] = np.nan if number in BAD else number
            file[name.format(number)] = values
        more(file)
    return path


def rebuilt(source, tmp_path, renumber=True):
    return datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1, renumber=renumber)


def first_values(path, name):
    """Read as a loader that counts up does."""
    with h5py.File(path) as file:
        return [int(file[name.format(number)][0, 0, 0]) for number in range(len(LEFT))]


@pytest.mark.parametrize("name", ["{}", "image_{:04}", "train/{}.npy"])
def test_a_loader_that_counts_up_finds_every_dataset_of_the_copy(tmp_path, name):
    receipt = rebuilt(write(tmp_path / "a.h5", name), tmp_path)
    assert first_values(tmp_path / "b.h5", name) == LEFT
    assert receipt.unkept == []
    assert [it for it in receipt.repairs.values if it.endswith("the numbers of its datasets")]
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


def test_parts_of_one_sample_get_the_same_number(tmp_path):
    def masks(file):
        for number in range(COUNT):
            file[f"mask_{number}"] = np.full((8, 8 + number % 3, 1), number)

    rebuilt(write(tmp_path / "a.h5", "image_{}", masks), tmp_path)
    assert first_values(tmp_path / "b.h5", "image_{}") == first_values(tmp_path / "b.h5", "mask_{}") == LEFT


def few_masks(file):
    for number in range(12):
        file[f"mask_{number}"] = np.full((8, 8, 1), number)


HINDERED = {
    "others-numbered-alike": (few_masks, "image_{}", "since those like /mask_0 would keep theirs"),
    "names": (lambda file: file.update(ids=np.array([b"%d" % it for it in range(20)])), "{}", "since /ids names them"),
    "soft-link": (
        lambda file: file.update(first=h5py.SoftLink("/0")), "{}", "since links lead to objects by their names"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("more", "name", "why"), HINDERED.values(), ids=HINDERED)
def test_where_something_else_leads_to_them_they_keep_their_numbers_and_that_is_said(tmp_path, more, name, why):
    receipt = rebuilt(write(tmp_path / "a.h5", name, lambda file: more(file)), tmp_path)
    assert [it for it in receipt.unkept if it.endswith(why)]
    with h5py.File(tmp_path / "b.h5") as file:
        assert name.format(COUNT - 1) in file
        assert name.format(BAD[0]) not in file


@pytest.mark.parametrize(("renumber", "hint"), [(None, "--renumber closes them up"), (False, "does not notice")])
def test_unless_asked_for_it_is_said_what_would(tmp_path, renumber, hint):
    receipt = rebuilt(write(tmp_path / "a.h5"), tmp_path, renumber)
    (said,) = receipt.unkept
    assert said.startswith("the numbers in /, from 0 to 23 without a gap, now lack 5 and 1 more: ")
    assert said.endswith(hint)


def test_groups_with_a_gap_are_told_of_too(tmp_path):
    receipt = rebuilt(write(tmp_path / "a.h5", "sample_{}/x"), tmp_path, None)
    (said,) = receipt.unkept
    assert said.startswith("the numbers in /, from 0 to 23 without a gap, now lack 5 and 1 more: ")


def test_an_attribute_that_is_the_number_of_a_dataset_stops_a_copy(tmp_path):
    def ids(file):
        for number in range(COUNT):
            file[str(number)].attrs["id"] = number

    with pytest.raises(datacheck.UsageError, match="the attribute id of /10 may lead to datasets of /"):
        rebuilt(write(tmp_path / "a.h5", "{}", ids), tmp_path)


def test_numbers_of_datasets_stop_a_copy_that_lacks_some(tmp_path):
    source = write(tmp_path / "a.h5", "{}", lambda file: file.update(train_idx=np.arange(18)))
    with pytest.raises(datacheck.UsageError, match="/train_idx may hold numbers of datasets like /0"):
        rebuilt(source, tmp_path, None)


def test_numbers_of_something_else_do_not(tmp_path):
    rebuilt(write(tmp_path / "a.h5", "{}", lambda file: file.update(train_idx=np.arange(900, 918))), tmp_path, None)
    with h5py.File(tmp_path / "b.h5") as file:
        assert len(file["train_idx"]) == 18


def test_what_is_asked_for_and_not_done_is_said(tmp_path):
    def rows(file):
        file["data"], file["label"] = np.arange(40.0)[:, None], np.arange(40)
        file["data"][7] = np.nan

    with h5py.File(tmp_path / "a.h5", "w") as file:
        rows(file)
    (said,) = rebuilt(tmp_path / "a.h5", tmp_path).unkept
    assert said.startswith("--renumber changes nothing here")


def test_listed_demonstrations_keep_their_numbers_and_that_is_said_if_asked_for(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(8):
            file[f"data/demo_{number}/actions"] = np.full((10, 3), np.nan if number == 3 else number)
            file[f"data/demo_{number}/obs/x"] = np.full((10, 4), number)
        file["mask/train"] = np.array([b"demo_%d" % number for number in range(6)])
    (said,) = rebuilt(tmp_path / "a.h5", tmp_path).unkept
    assert "--renumber does not close them up" in said
    (tmp_path / "b.h5").unlink()
    assert rebuilt(tmp_path / "a.h5", tmp_path, None).unkept == []


@pytest.mark.parametrize("renumber", [True, None])
def test_the_label_of_each_picture_goes_with_it(tmp_path, renumber):
    def labels(file):
        for number in range(COUNT):
            file[f"label_{number}"] = number
        file["label_names"] = 3

    rebuilt(write(tmp_path / "a.h5", "image_{}", labels), tmp_path, renumber)
    with h5py.File(tmp_path / "b.h5") as file:
        pictures = sorted(it.removeprefix("image_") for it in file if it.startswith("image_"))
        assert pictures == sorted(it.removeprefix("label_") for it in file if it[6:].isdigit() and it[0] == "l")
        assert all(file[f"label_{it}"][()] == file[f"image_{it}"][0, 0, 0] for it in pictures)
        assert (f"image_{COUNT - 1}" in file) == (renumber is None)


def test_a_picture_without_its_label_is_unpaired_and_goes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(COUNT):
            file[f"image_{number}"] = np.full((8, 8 + number % 3, 3), number + np.arange(3.0))
            if number != 7:
                file[f"label_{number}"] = number
    (finding,) = datacheck.scan(tmp_path / "a.h5", workers=1).findings
    assert (finding.key, finding.code, finding.verdict) == ("/image_7", "unpaired", "bad")
    rebuilt(tmp_path / "a.h5", tmp_path, None)
    with h5py.File(tmp_path / "b.h5") as file:
        assert "image_7" not in file
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean
