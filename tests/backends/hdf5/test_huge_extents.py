"""Extents whose product no number of 64 bits holds are said, and stop nothing."""

import h5py
import pytest
from commanding import datacheck

from datacheck.model.finding import found


@pytest.mark.parametrize("shape", [(2**40, 2**40), (2**60,) * 32])
def test_a_dataset_that_declares_more_than_anything_holds_is_not_read(tmp_path, shape):
    path, report = tmp_path / "x.h5", tmp_path / "report.json"
    with h5py.File(path, "w") as file:
        file.create_dataset("volume", shape, "f8", chunks=(1,) * len(shape))
        file["times"] = [1.0, 2.0]
    run = datacheck("scan", path, "--report", report)
    assert run.returncode == 3, run.stderr
    assert run.stderr == ""
    assert "too-large (unverifiable): 1" in run.stdout
    assert '"code":"too-large"' in report.read_text()


def test_numbers_that_64_bits_hold_stay_as_they_are():
    details = found("nan", "n", first=[0, 2], count=2**63 - 1, declared=2**70, name="a", most=10**400).details
    assert details == {"first": [0, 2], "count": 2**63 - 1, "declared": 2.0**70, "name": "a", "most": 1e300}
    assert type(details["count"]) is int
