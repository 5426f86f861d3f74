"""Samples that are a group each, called by ids: proteins, molecules, hashes. Their names have no form in common."""

from __future__ import annotations

import uuid

import h5py
import numpy as np
import pytest

import datacheck

LETTERS = "ABCDEFGHIKLMNPQRSTVWXYZ0123456789"


def protein(at):
    random = np.random.default_rng(at)
    return f"{at % 9 + 1}{''.join(random.choice(list(LETTERS), 3))}"


def read(at):
    return f"read_{uuid.UUID(bytes=np.random.default_rng(at).bytes(16))}"


def write(path, called, *, count=60, odd=None, how=None):
    names = list(dict.fromkeys(called(at) for at in range(count)))
    with h5py.File(path, "w") as file:
        for at, name in enumerate(names):
            random, rows = np.random.default_rng(at), 20 + (7 * at) % 13
            its = {"kinds": random.integers(1, 9, rows), "places": random.random((rows, 3)), "moves": random.random(9)}
            if at == odd:
                its["places"] = its["places"][:-2]
                if how == "lacks":
                    del its["places"]
            for member, values in its.items():
                file[f"{name}/{member}"] = values
    return names


@pytest.mark.parametrize("called", [protein, read])
def test_samples_called_by_ids_are_compared(tmp_path, called):
    path = tmp_path / "a.h5"
    names = write(path, called, odd=17, how="lacks")
    (finding,) = datacheck.scan(path).findings
    assert (finding.verdict, finding.code) == ("bad", "unpaired")
    assert finding.message == f"/{names[17]} lacks places, which most of the others have"


@pytest.mark.parametrize("called", [protein, read])
def test_a_copy_loses_the_sample_whose_parts_differ_in_length(tmp_path, called):
    path = tmp_path / "a.h5"
    names = write(path, called, odd=17, how="shorter")
    (finding,) = datacheck.scan(path).findings
    assert (finding.verdict, finding.code) == ("bad", "row-count")
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert sorted(file) == sorted(it for it in names if it != names[17])
    assert datacheck.scan(tmp_path / "copy.h5").clean


@pytest.mark.parametrize("called", [protein, read])
def test_sound_samples_called_by_ids_are_clean(tmp_path, called):
    write(tmp_path / "a.h5", called)
    assert list(datacheck.scan(tmp_path / "a.h5").findings) == []


def test_sensors_are_no_samples_whatever_their_numbers(tmp_path):
    numbered = ["acc", "gyr", "mag", "temp", "hr", "eda", "bvp", "ecg", "emg", "gps", "bar", "lux", "mic", "spo"]
    sensors = [f"{name}{at}" for at, name in enumerate(numbered)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at, name in enumerate(sensors):
            file[f"{name}/values"] = np.random.default_rng(at).random((100, 3))
            if name != "gps9":
                file[f"{name}/rate"] = np.random.default_rng(at).random(100)
    assert list(datacheck.scan(tmp_path / "a.h5").findings) == []
