"""Groups with the same members whose names have no form in common: molecules, compared with each other."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

NAMES = [f"10{it * 71} {'ACDEFG'[it % 6]}" for it in range(12)]


def write(path, short, names=NAMES, by=1):
    """Write conformations, energies and gradients of molecules, as SPICE has them."""
    with h5py.File(path, "w") as file:
        for at, name in enumerate(names):
            rng = np.random.default_rng(at)
            atoms, count = int(rng.integers(4, 20)), int(rng.integers(25, 60))
            file[f"{name}/atomic_numbers"] = rng.choice([1, 6, 7, 8], atoms)
            file[f"{name}/conformations"] = rng.normal(size=(count, atoms, 3))
            file[f"{name}/dft_total_energy"] = rng.normal(size=count)
            gradients = count - by if at == short else count
            file[f"{name}/dft_total_gradient"] = rng.normal(size=(gradients, atoms, 3))
    return path


def told(path):
    return [(it.code, it.verdict, it.details.get("sample")) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize("short", [0, 5, 11])
def test_datasets_that_agree_in_all_other_groups_are_compared(tmp_path, short):
    assert told(write(tmp_path / "a.h5", short)) == [("row-count", "bad", f"/{NAMES[short]}")]


def test_sound_groups_and_sets_of_other_sizes_are_clean(tmp_path):
    assert told(write(tmp_path / "a.h5", None)) == []
    names = [f"train_{it}{'abcdef'[it]}" for it in range(6)]
    assert told(write(tmp_path / "b.h5", 3, names, by=20)) == []
