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
    assert [(it.code, it.key, it.details["dataset"], it.details["row"]) for it in report.findings] == [
        ("dangling", "/obs/kind[17]", "/obs/kind/codes", 17)
    ]
    assert report.status == 1
    receipt = datacheck.rebuild(path, tmp_path / "b.h5ad", drop_bad=True, workers=1)
    assert receipt.lost == []
    with h5py.File(path) as file, h5py.File(tmp_path / "b.h5ad") as copy:
        assert (copy["X"][:] == np.delete(file["X"][:], 17, axis=0)).all()
        assert (copy["obs/kind/codes"][:] == np.delete(file["obs/kind/codes"][:], 17)).all()
        assert copy["obs/kind/categories"][:].tolist() == file["obs/kind/categories"][:].tolist()


def test_each_number_that_leads_to_no_category_is_named(tmp_path):
    path = write(tmp_path / "a.h5ad", {3: 9, 30: -7, 31: 4})
    report = datacheck.scan(path, workers=1)
    assert [it.details["row"] for it in report.findings] == [3, 30, 31]
    receipt = datacheck.rebuild(path, tmp_path / "b.h5ad", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5ad") as copy:
        assert len(copy["X"]) == 37
        assert receipt.lost == []
    assert datacheck.scan(tmp_path / "b.h5ad", workers=1).status == 0


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
