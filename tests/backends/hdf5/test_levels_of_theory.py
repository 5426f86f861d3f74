"""Properties of molecules that were not computed at a level of theory, as in ANI-1x."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

MOLECULES, ROWS, ATOMS = 6, 20, 5
CHEAP, DEAR = "wb97x_dz", "ccsd(t)_cbs"


def molecules(path, change=lambda _: None, share=0.8):
    """Write molecules as ANI-1x has them; `change` takes the datasets of the third one by name."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number in range(MOLECULES):
            missing = rng.random(ROWS) < share
            its = {
                "coordinates": rng.normal(size=(ROWS, ATOMS, 3)).astype("f4"),
                "atomic_numbers": np.arange(1, ATOMS + 1),
            }
            for level in (CHEAP, DEAR):
                its[f"{level}.energy"] = rng.normal(size=ROWS)
                its[f"{level}.forces"] = rng.normal(size=(ROWS, ATOMS, 3)).astype("f4")
            for name in ("energy", "forces"):
                its[f"{DEAR}.{name}"][missing] = np.nan
            if number == 2:
                change(its)
            for name, values in its.items():
                file[f"C{number}H4/{name}"] = values
    return path


def told(path):
    return [(it.code, it.verdict, it.field) for it in datacheck.scan(path, workers=1).findings]


def nan(name, row):
    def change(its):
        its[name][row] = np.nan

    return change


def test_a_level_of_theory_that_was_computed_for_some_is_clean(tmp_path):
    report = datacheck.scan(molecules(tmp_path / "a.h5"), workers=1)
    assert list(report.findings) == []
    assert report.statistics[f"{DEAR}.energy"].missing > MOLECULES * ROWS / 2


def test_a_level_may_have_values_that_are_declared_to_be_missing(tmp_path):
    source = molecules(tmp_path / "a.h5", nan(f"{DEAR}.energy", np.s_[:]))
    with h5py.File(source, "r+") as file:
        for it in file.values():
            it[f"{DEAR}.energy"].attrs["_FillValue"] = np.nan
    assert told(source) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (nan(f"{CHEAP}.energy", 4), f"{CHEAP}.energy"),
        (nan(f"{DEAR}.forces", np.s_[:, 1, 2]), f"{DEAR}.forces"),  # a part of some forces
        (nan(f"{DEAR}.energy", np.s_[:]), f"{DEAR}.energy"),  # with the forces there
    ],
)
def test_other_values_that_are_nan_are_bad(tmp_path, change, field):
    assert {(code, verdict, it) for code, verdict, it in told(molecules(tmp_path / "a.h5", change))} == {
        ("nan", "bad", field)
    }


def test_a_level_that_is_seldom_nan_is_broken(tmp_path):
    assert {it[:2] for it in told(molecules(tmp_path / "a.h5", share=0.02))} == {("nan", "bad")}


def test_rows_that_are_nan_at_every_level_are_broken(tmp_path):
    source = molecules(tmp_path / "a.h5")
    with h5py.File(source, "r+") as file:
        for it in file.values():
            it[f"{CHEAP}.energy"][3:9] = np.nan
    assert {it[1] for it in told(source)} == {"bad"}


def test_a_copy_keeps_what_was_not_computed(tmp_path):
    source = molecules(tmp_path / "a.h5", nan(f"{CHEAP}.energy", 4))
    datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, drop_rows=True, workers=1)
    with h5py.File(source) as before, h5py.File(tmp_path / "copy.h5") as after:
        assert [len(it["coordinates"]) for it in after.values()] == [ROWS, ROWS, ROWS - 1, ROWS, ROWS, ROWS]
        assert np.array_equal(before[f"C1H4/{DEAR}.energy"], after[f"C1H4/{DEAR}.energy"], equal_nan=True)
    assert told(tmp_path / "copy.h5") == []
