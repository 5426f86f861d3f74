"""Attributes and texts that name samples or have a value for each, in a copy without some of the samples."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import DatacheckError

COUNT, BAD = 12, 4


def write(path, name="image_{}", also=lambda file: None):
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            values = np.random.default_rng(number).normal(size=(8, 8 + number % 3, 3))
            values[0, 0, 0] = np.nan if number == BAD else 0
            file[name.format(number)] = values
        also(file)
    return path


def names(first, last):
    return [f"image_{it}" for it in range(first, last)]


OF_EACH = {
    "names that are numbers": ("{}", {"keys": [str(it) for it in range(COUNT)]}),  # or classes
    "labels": ("{}", {"labels": np.arange(COUNT)}),
    "texts of groups": ("trial_{}/x", {"cues": ["left", "right"] * (COUNT // 2)}),
}


@pytest.mark.parametrize(("name", "said"), OF_EACH.values(), ids=OF_EACH)
def test_a_rebuild_stops_where_an_attribute_would_not_fit_the_samples(tmp_path, name, said):
    source = write(tmp_path / "a.h5", name, lambda file: file.attrs.update(said))
    with pytest.raises(DatacheckError, match=f"the attribute {next(iter(said))} of / .* of which some go"):
        datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)


OF_OTHERS = {
    "as many by chance": ("trial_{}/x", {"channel_names": ["C", "D", "E"]}),
    "of an axis": ("trial_{}", {"rows": list("abcdefgh")}),
    "one text": ("image_{}", {"about": "a set of pictures"}),
}


@pytest.mark.parametrize(("name", "said"), OF_OTHERS.values(), ids=OF_OTHERS)
def test_other_attributes_stay_as_they_are(tmp_path, name, said):
    source = write(tmp_path / "a.h5", name, lambda file: file.attrs.update(said))
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert {key: np.array(it).tolist() for key, it in file.attrs.items()} == said


def annotations(file):
    file["annotations"] = json.dumps({it: {"label": at % 3} for at, it in enumerate(names(0, COUNT))})


def table(file):
    rows = [(it.encode(), at % 3) for at, it in enumerate(names(3, 9))]
    file["table"] = np.array(rows, [("name", "S12"), ("label", "i4")])


@pytest.mark.parametrize("also", [annotations, table])
def test_pictures_that_a_text_names_get_no_other_number(tmp_path, also):
    source = write(tmp_path / "a.h5", also=also)
    with pytest.raises(DatacheckError, match=rf"/{also.__name__} may lead to .* that get other numbers"):
        datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1, renumber=True)
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
