"""A rebuild that drops samples stops if numbers of sets, or a text with their names, would still lead to them."""

import json

import h5py
import numpy as np
import pytest

from tests.commanding import datacheck

RANDOM = np.random.default_rng(3)
COUNT, BAD = 12, 3


def _write(path, *, single=False):
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            values = RANDOM.normal(size=(16, 24, 3)).astype("f4")
            if number == BAD:
                values[0, 0, 0] = np.nan
            file[f"graph_{number}" if single else f"graph_{number}/x"] = values


def _rebuild(folder):
    return datacheck("rebuild", folder / "a.h5", folder / "b.h5", "--drop-bad", "--workers", 1)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("attribute", [False, True])
def test_numbers_of_a_set_would_lead_to_what_goes(tmp_path, single, attribute):
    _write(tmp_path / "a.h5", single=single)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        if attribute:
            file.attrs["train_ids"], file.attrs["test_ids"] = np.arange(9), np.arange(9, COUNT)
        else:
            file["split/train"], file["split/test"] = np.arange(9), np.arange(9, COUNT)
    said = _rebuild(tmp_path)
    assert (said.returncode, "train" in said.stderr, "may hold numbers of" in said.stderr) == (2, True, True)


@pytest.mark.parametrize(("attribute", "title"), [(True, "the attribute splits of /"), (False, "/splits")])
def test_a_text_that_names_samples_would_name_what_goes(tmp_path, attribute, title):
    _write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        (file.attrs if attribute else file)["splits"] = json.dumps({"train": [f"graph_{it}" for it in range(9)]})
    said = _rebuild(tmp_path)
    assert (said.returncode, f"{title} names samples" in said.stderr) == (2, True)


def test_what_does_not_lead_to_samples_stays(tmp_path):
    """Numbers of channels, of the other set, and a text with one name do not stop a rebuild."""
    _write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs["channel_ids"] = np.arange(9)
        file.attrs["test_ids"] = np.arange(9, COUNT)
        file.attrs["labels"] = json.dumps({f"graph_{it}": it % 3 for it in range(COUNT)})
        file.attrs["comment"] = f"graph_{BAD} is the largest"
    assert _rebuild(tmp_path).returncode == 0
