"""Test None (as NaN becomes in JSON) or a text in place of a number, or of one number among many."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import write

import datacheck

LISTS = {"json": lambda it: json.dumps(it).encode(), "pickle": pickle.dumps}


def rows(count=60):
    draw = np.random.default_rng(3)
    return [{"xyz": draw.normal(size=4).tolist(), "id": at} for at in range(count)]


def scanned(path, records, **options):
    report = datacheck.scan(write(path, {b"%d" % at: it for at, it in enumerate(records)}), **options)
    return report, [(it.key, it.code, it.verdict, it.field) for it in report.findings]


@pytest.mark.parametrize("form", LISTS)
def test_none_among_numbers(tmp_path, form):
    made = rows()
    made[7]["xyz"][2] = None
    report, said = scanned(tmp_path / "store", map(LISTS[form], made))
    assert said == [("7", "fields", "suspicious", "xyz")]
    assert report.findings[0].message == "xyz[2] is None, nearly all others have numbers only"
    made[9]["xyz"] = [None] * 4
    assert ("9", "fields", "suspicious", "xyz") in scanned(tmp_path / "all", map(LISTS[form], made))[1]


def test_an_array_of_objects_with_none_in_it(tmp_path):
    made = [pickle.dumps((np.full(9, at), np.array([0.5, 1.5, at]))) for at in range(60)]
    made[7] = pickle.dumps((np.full(9, 7), np.array([0.5, None, 7.0], object)))
    assert scanned(tmp_path / "store", made)[1] == [("7", "fields", "suspicious", "[1]")]


def test_lists_in_which_many_have_none_are_as_they_are_meant(tmp_path):
    made = rows()
    for row in made[::3]:
        row["xyz"][1] = None
    assert scanned(tmp_path / "store", map(LISTS["json"], made))[1] == []


def test_lists_of_lists_that_are_not_alike_may_be_meant(tmp_path):
    made = [{"parts": [[0.5 * at, 1.5], [2.5, 3.5 * at]]} for at in range(60)]
    made[7] = {"parts": [[0.5, 1.5, 4.5], [2.5]]}
    assert scanned(tmp_path / "store", map(LISTS["json"], made))[1] == [("7", "shape", "suspicious", "parts")]


def test_a_text_has_no_shape_that_could_be_wrong(tmp_path):
    made = rows()
    made[7]["id"] = "7a"
    for form in LISTS:
        _, said = scanned(tmp_path / form, map(LISTS[form], made))
        assert said == [("7", "fields", "suspicious", "id")]
