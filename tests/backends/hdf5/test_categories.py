"""Categories of anndata: a number that leads to none is said, and -1 is none of them."""

import h5py
import numpy as np
import pytest

import datacheck


def write(path, codes, dtype="i1", names=("T", "B", "NK")):
    draw = np.random.default_rng(2)
    with h5py.File(path, "w") as file:
        file["X"] = draw.normal(size=(40, 6))
        file["obs/_index"], file["var/_index"] = [f"cell{it}" for it in range(40)], [f"gene{it}" for it in range(6)]
        file["obs"].attrs["_index"] = file["var"].attrs["_index"] = "_index"
        numbers = np.arange(40) % 3
        for at, number in codes.items():
            numbers[at] = number
        file["obs/kind/codes"], file["obs/kind/categories"] = numbers.astype(dtype), list(names)
    return path


@pytest.mark.parametrize("wrong", [3, 100, -2])
def test_a_number_that_leads_to_no_category_is_named(tmp_path, wrong):
    path = write(tmp_path / "a.h5ad", {17: wrong})
    report = datacheck.scan(path, workers=1)
    assert [(it.code, it.details["dataset"], it.details["row"]) for it in report.findings] == [
        ("dangling", "/obs/kind/codes", 17)
    ]
    assert report.status == 1
    receipt = datacheck.rebuild(path, tmp_path / "b.h5ad", drop_bad=True, workers=1)
    assert [it.code for it in receipt.lost] == ["dangling"]


@pytest.mark.parametrize(
    ("codes", "dtype", "names"),
    [
        ({4: -1, 9: -1}, "i1", ("T", "B", "NK")),
        ({}, "u1", ("T", "B", "NK")),
        ({}, "i8", ("T", "B", "NK", "never seen")),
        (dict.fromkeys(range(40), -1), "i1", ("T",)),
    ],
    ids=["none", "unsigned", "one-unused", "none-at-all"],
)
def test_categories_that_are_there_are_sound(tmp_path, codes, dtype, names):
    assert datacheck.scan(write(tmp_path / "a.h5ad", codes, dtype, names), workers=1).status == 0
