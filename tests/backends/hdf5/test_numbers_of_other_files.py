"""Numbers of questions' pictures lead to rows of features in another file."""

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store


def folder(path, *, sets=("train", "val"), beyond=0, lost=0, spread=1, name="image_idxs"):
    """Write two sets: `beyond` numbers lead behind the last row of the first, or it has `lost` some of its rows."""
    rng = np.random.default_rng(0)
    for part, count in zip(sets, (40, 24), strict=True):
        numbers = np.repeat(np.arange(count), 3) * spread
        numbers[3 : 3 + beyond * (count == 40)] = count
        with h5py.File(path / f"{part}_features.h5", "w") as file:
            file["features"] = rng.normal(size=(count - lost * (count == 40), 8, 2)).astype("f4")
        with h5py.File(path / f"{part}_questions.h5", "w") as file:
            file["questions"], file["answers"] = rng.integers(1, 90, (3 * count, 7)), numbers % 5
            file[name] = numbers.astype("i4")
    return path


def told(path):
    forget_walks()
    return [(it.file, it.code, it.verdict, it.details["number"]) for it in open_store(path).layout().findings]


@pytest.mark.parametrize(
    ("options", "number"), [({"beyond": 1}, 40), ({"lost": 2}, 39), ({"lost": 1, "name": "img_index"}, 39)]
)
def test_a_number_behind_the_last_row_of_the_other_file_leads_nowhere(tmp_path, options, number):
    assert told(folder(tmp_path, **options)) == [("train_questions.h5", "dangling", "bad", number)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lost": 30},  # of other pictures
        {"spread": 7},  # names of pictures
        {"lost": 2, "name": "orig_idxs"},
        {"lost": 2, "sets": ("clevr", "cogent")},  # which file they lead to is unknown
    ],
)
def test_other_numbers_may_be_any(tmp_path, options):
    assert told(folder(tmp_path, **options)) == []
