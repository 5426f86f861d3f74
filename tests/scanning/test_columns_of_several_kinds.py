"""Test a dataset that has numbers in most files of a folder, and something else under the same name in another one."""

import io

import h5py
import numpy as np
import pytest
from commanding import datacheck as command
from PIL import Image

import datacheck

ROWS = 30


def jpegs(rows=ROWS):
    made = np.empty(rows, object)
    for number in range(rows):
        out = io.BytesIO()
        pixels = np.random.default_rng(number).integers(0, 255, (12, 12, 3), "u1")
        Image.fromarray(pixels).save(out, "JPEG")
        made[number] = np.frombuffer(out.getvalue(), "u1")
    return made


def ragged(rows=ROWS):
    made = np.empty(rows, object)
    for number in range(rows):
        made[number] = np.arange(1 + number % 5, dtype="f4")
    return made


OTHERS = {
    "opaque": (lambda: np.frombuffer(b"\x9b\x8c12" * 4 * ROWS, "V16"), None),
    "texts": (lambda: [f"name {number}" for number in range(ROWS)], h5py.string_dtype()),
    "numbers of varying length": (ragged, h5py.vlen_dtype("f4")),
    "pictures": (jpegs, h5py.vlen_dtype("u1")),
}


def write(folder, name, values, dtype=None):
    with h5py.File(folder / name, "w") as file:
        file.create_dataset("data", data=values, dtype=dtype)


def numbers(seed, kind):
    random = np.random.default_rng(seed)
    return random.integers(1, 255, (ROWS, 24), "u1") if kind == "u1" else random.normal(size=(ROWS, 6)).astype(kind)


@pytest.mark.parametrize("kind", ["f4", "u1"])
@pytest.mark.parametrize("most", [1, 4])
@pytest.mark.parametrize("other", OTHERS)
def test_its_numbers_stay_numbers(tmp_path, other, most, kind):
    for number in range(most):
        values = numbers(number, kind)
        if kind == "f4" and number == most - 1:
            values[7, 2] = np.nan
        write(tmp_path, f"{number}.h5", values)
    made, dtype = OTHERS[other]
    alone = tmp_path / "alone"
    alone.mkdir()
    write(alone, "other.h5", made(), dtype)
    by_itself = {(it.code, it.verdict) for it in datacheck.scan(alone).findings}
    write(tmp_path, "other.h5", made(), dtype)
    (alone / "other.h5").unlink()
    report = datacheck.scan(tmp_path)
    of_numbers = [(it.code, it.name) for it in report.findings if it.file and it.file[0].isdigit()]
    assert of_numbers == ([("nan", f"{most - 1}.h5:/[7]")] if kind == "f4" else [])
    others = {(it.code, it.verdict) for it in report.findings if not (it.file and it.file[0].isdigit())}
    assert others == by_itself


def test_a_cell_that_nothing_decodes_is_shown_as_bytes(tmp_path):
    write(tmp_path, "other.h5", OTHERS["opaque"][0]())
    shown = command("show", tmp_path / "other.h5", "/[3]").stdout
    assert "  data: a payload that no decoder knows, 16 bytes: 9b 8c 31 32" in shown
    whole = command("show", tmp_path / "other.h5", "/[3]", "--field", "data").stdout
    assert "  data: a payload that no decoder knows, 16 bytes\n" in whole
