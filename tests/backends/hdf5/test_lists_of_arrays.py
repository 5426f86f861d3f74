"""Test groups whose members are named by plain numbers, as the elements of a list of arrays are."""

import h5py
import numpy as np
import pytest

import datacheck

DRAW = np.random.default_rng(3)
SIZES = (1, 2, 4, 5)


def said(path, *codes):
    report = datacheck.scan(path, workers=1)
    return [(it.code, it.verdict) for it in report.findings if it.code in codes]


def write_lists(path, rows):
    """Write 8 lists of arrays; `rows(list, element)` is the number of rows of each."""
    with h5py.File(path, "w") as file:
        for number in range(8):
            for element in range(len(rows(number))):
                file[f"matrices/{number}/{element}"] = DRAW.normal(size=(rows(number)[element], 3))
    return path


def test_elements_of_a_list_may_be_as_long_as_others_by_chance(tmp_path):
    usual = DRAW.choice(SIZES, 28).tolist()

    def rows(number):
        return [0 if number > 5 and element % 3 else size for element, size in enumerate(usual)]

    assert said(write_lists(tmp_path / "a.h5", rows), "row-count", "unpaired") == []


def test_of_numbered_parts_that_go_together_the_odd_one_is_found(tmp_path):
    def rows(number):
        return [20 + number, 20 + number - (number == 5), 20 + number, 3]

    path = write_lists(tmp_path / "a.h5", rows)
    assert said(path, "row-count", "unpaired") == [("row-count", "bad")]


def write_named(path, texts):
    """Write a list of 28 matrices, of which every fourth is without a value, and a list of their names."""
    with h5py.File(path, "w") as file:
        for number in range(28):
            shape = (SIZES[number % 3], SIZES[number // 4 % 4]) if number % 4 else (0, 0)
            file[f"matrices/{number}"] = DRAW.normal(size=shape)
        file["list/names"] = np.array(texts, dtype="S4")
    return path


@pytest.mark.parametrize(
    "texts",
    [["0", "1", "2"], ["7", "", "", "", "3", "3", "5", "6", "9"]],
    ids=["names of arrays without a value", "a column of digits"],
)
def test_numbers_as_text_name_what_is_there(tmp_path, texts):
    assert said(write_named(tmp_path / "a.h5", texts), "dangling") == []


def test_a_number_that_names_nothing_is_found(tmp_path):
    path = write_named(tmp_path / "a.h5", ["0", "1", "2", "3", "99"])
    assert said(path, "dangling") == [("dangling", "bad")]
