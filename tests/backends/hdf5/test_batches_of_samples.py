"""Configurations of atoms, a group each, in groups that are batches of them (mace's prepared data)."""

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan


def write(path, batches, faulty=()):
    with h5py.File(path, "w") as file:
        for batch in range(batches):
            for number in range(12):
                rng, count = np.random.default_rng(100 * batch + number), 3 + number % 4
                group = file.create_group(f"config_batch_{batch}/config_{number}")
                group["positions"] = rng.normal(size=(count, 3))
                if (batch, number) in faulty:
                    group["positions"][-1, 1] = np.nan
                group["atomic_numbers"] = rng.integers(1, 9, count)
                group["properties/forces"] = rng.normal(size=(count, 3))
                group["properties/energy"], group["weight"] = -10.5 * number, 1.0
                group["cell"] = np.eye(3) * 9
    return path


@pytest.mark.parametrize("batches", [1, 3])
def test_a_configuration_stands_or_falls_as_a_whole(batches, tmp_path):
    assert list(scan(write(tmp_path / "sound.h5", batches), workers=1).findings) == []
    faulty = [(0, 0), (batches - 1, 11)]
    [first, last] = scan(write(tmp_path / "bad.h5", batches, faulty), workers=1).findings
    assert first.code == last.code == "nan"
    assert first.key.startswith("/config_batch_0/config_0")
    assert last.key.startswith(f"/config_batch_{batches - 1}/config_11")
    rebuild(tmp_path / "bad.h5", tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(tmp_path / "copy.h5") as copy, h5py.File(tmp_path / "sound.h5") as sound:
        for batch in range(batches):
            there = [it for it in copy[f"config_batch_{batch}"].values() if "positions" in it and len(it["positions"])]
            assert len(there) == 12 - sum(at == batch for at, _ in faulty)
            for it in there:
                assert (it["positions"][:] == sound[it.name]["positions"][:]).all()
                assert len(it["properties/forces"]) == len(it["atomic_numbers"]) == len(it["positions"])


def test_weights_of_a_layer_are_still_no_samples(tmp_path):
    with h5py.File(tmp_path / "model.h5", "w") as file:
        for number in range(6):
            file[f"layer_{number}/weight"] = np.random.default_rng(number).normal(size=(number + 3, 4))
            file[f"layer_{number}/bias"] = np.random.default_rng(number).normal(size=number + 2)
    assert [it.code for it in scan(tmp_path / "model.h5", workers=1).findings] == []
