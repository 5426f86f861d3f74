"""Test that the advice names --allow-nan where NaN is frequent in a field of nearly all groups, and only there."""

import h5py
import numpy as np
import pytest
from commanding import datacheck


def _molecules(path, share, groups=40, rows=20):
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number in range(groups):
            group = file.create_group(f"C{number}H4")
            group["positions"] = random.standard_normal((rows, 5, 3)).astype("f4")
            group["dft.energy"] = random.standard_normal(rows)
            energy = random.standard_normal(rows)
            energy[random.random(rows) < share(number)] = np.nan
            group["ccsd.energy"] = energy
    return path


def test_energies_that_were_often_not_computed_can_be_declared_missing(tmp_path):
    path = _molecules(tmp_path / "ani.h5", lambda _: 0.8)
    result = datacheck("scan", "--no-config", path)
    assert result.returncode == 1
    (line,) = [it for it in result.stdout.splitlines() if "--allow-nan" in it]
    assert line.endswith("of all values are NaN: --allow-nan ccsd.energy")
    assert "ccsd.energy, where " in line
    assert datacheck("scan", "--no-config", path, "--allow-nan", "ccsd.energy").returncode == 0


@pytest.mark.parametrize("share", [lambda _: 0.02, lambda number: 0.9 * (number < 5)], ids=["few", "in few groups"])
def test_broken_values_are_not_called_missing(tmp_path, share):
    result = datacheck("scan", "--no-config", _molecules(tmp_path / "ani.h5", share))
    assert result.returncode == 1
    assert "--allow-nan" not in result.stdout


def test_labels_that_are_often_missing_are_named_by_their_path_beside_complete_data(tmp_path):
    random = np.random.default_rng(0)
    with h5py.File(path := tmp_path / "windows.h5", "w") as file:
        for name in ("train", "val"):
            file[f"data/{name}"] = random.standard_normal((200, 6)).astype("f4")
            labels = random.integers(0, 2, (200, 3)).astype("f4")
            labels[random.random(labels.shape) < 0.6] = np.nan
            file[f"labels/{name}"] = labels
    result = datacheck("scan", "--no-config", path)
    options = [it.rpartition("--allow-nan ")[2] for it in result.stdout.splitlines() if "--allow-nan" in it]
    assert options == ["labels/train", "labels/val"]
    allowed = [word for it in options for word in ("--allow-nan", it)]
    assert datacheck("scan", "--no-config", path, *allowed).returncode == 0
