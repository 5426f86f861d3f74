"""Test fields with a single value in all tables of an HDF5 file, which may be more than the profile samples."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def write(path, demos, constant):
    random = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        for at in range(demos):
            file[f"data/demo_{at}/actions"] = random.normal(size=(20 + at, 7))
            file[f"data/demo_{at}/dones"] = np.zeros((20 + at, 12), "i4") + (0 if constant(at) else np.arange(12))
    return path


def test_a_field_of_one_value_in_all_of_many_tables_is_said_once(tmp_path):
    (finding,) = datacheck.scan(write(tmp_path / "a.h5", 120, lambda at: True)).findings
    assert (finding.code, finding.field, finding.key) == ("constant", "dones", None)
    count = sum(20 + at for at in range(120))
    assert finding.message.startswith(f"{count:,} of {count:,} records")


@pytest.mark.parametrize("demos", [3, 120])
def test_of_one_table_of_one_value_the_place_is_named(tmp_path, demos):
    odd = demos * 2 // 3
    findings = datacheck.scan(write(tmp_path / "a.h5", demos, lambda at: at == odd)).findings
    assert {it.code for it in findings} == {"constant"}
    (finding,) = [it for it in findings if it.key is None] or [None]
    if finding is None:  # no record of this table was sampled
        assert {it.key for it in findings} == {f"/data/demo_{odd}[{row}]" for row in range(20 + odd)}
    else:
        assert finding.field == f"/data/demo_{odd}/dones"
        assert finding.message.startswith(f"{20 + odd} of {20 + odd} records")


def test_a_field_of_one_value_in_the_only_table_is_called_by_its_name(tmp_path):
    (finding,) = datacheck.scan(write(tmp_path / "a.h5", 1, lambda at: True)).findings
    assert finding.field == "dones"
