"""Test that the fill value is a number in the copy, too, or else the copy would be as bad as its source."""

import h5py
import numpy as np
import pytest
from building import datum, floats, key, write_lmdb
from commanding import datacheck as command

import datacheck


def store(kind, path):
    """Write 20 records of float32, one with NaN, or of float16 ("half")."""
    values = [floats(number) for number in range(20)]
    values[7][0, 1, 1] = np.nan
    if kind == "lmdb":
        return write_lmdb(path, {key(number): datum(it, 1) for number, it in enumerate(values)})
    with h5py.File(path, "w") as file:
        file["data"] = np.stack(values).astype("f2" if kind == "half" else "f4")
    return path


@pytest.mark.parametrize("kind", ["lmdb", "hdf5"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_what_is_no_number_fills_nothing(tmp_path, kind, value):
    done = command("rebuild", store(kind, tmp_path / "s"), tmp_path / "copy", f"--fill={value}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "it must be a finite number" in done.stderr
    assert [it.name for it in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize(
    ("kind", "value", "type_name"),
    [("lmdb", "1e39", "float32"), ("hdf5", "-1e300", "float32"), ("half", "70000", "float16")],
)
def test_a_number_too_large_for_the_records_fills_nothing(tmp_path, kind, value, type_name):
    done = command("rebuild", store(kind, tmp_path / "s"), tmp_path / "copy", f"--fill={value}")
    said = f"--fill {float(value):g} is beyond the largest {type_name}; choose a smaller number"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"datacheck: {tmp_path / 'copy'}: {said}\n"
    assert [it.name for it in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize(("kind", "value"), [("lmdb", 3e38), ("hdf5", -3e38), ("half", 65504), ("hdf5", 1e-300)])
def test_the_largest_numbers_and_the_smallest_fill(tmp_path, kind, value):
    receipt = datacheck.rebuild(store(kind, tmp_path / "s"), tmp_path / "copy", fill=value, workers=1)
    assert (receipt.written, receipt.altered) == (True, 1)
    assert datacheck.scan(tmp_path / "copy", workers=1).bad == 0
