"""Test that `show` prints what is in the cells of a row."""

import io

import h5py
import numpy as np
from PIL import Image

from datacheck.model.settings import Settings
from datacheck.showing.record import show_record


def jpeg(seed):
    out = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(noise.repeat(8, 0).repeat(8, 1)).save(out, "JPEG")
    return out.getvalue()


def store(path):
    with h5py.File(path, "w") as file:
        file["label"] = np.arange(20) % 3
        image = file.create_dataset("image", (20,), h5py.vlen_dtype(np.uint8))
        signal = file.create_dataset("signal", (20,), h5py.vlen_dtype("f4"))
        secret = file.create_dataset("secret", (20,), h5py.vlen_dtype(np.uint8))
        for row in range(20):
            image[row] = np.frombuffer(jpeg(row), np.uint8)
            signal[row] = np.arange(40.0 + row % 2) if row != 5 else []
            secret[row] = np.frombuffer(bytes([200, row, 199, 255, 254]) * 3, np.uint8)
        file.create_dataset("note", data=["words"] * 20, dtype=h5py.string_dtype())
    return path


def test_each_column_of_a_row_is_shown_and_its_picture_saved(tmp_path):
    path = store(tmp_path / "s.h5")
    shown = show_record(str(path), "/[4]", Settings(), tmp_path / "out.jpg").text
    for line in ("label: 1", "image: JPEG 3x48x64 uint8", "signal: 40 float32", "note: text, 5 bytes"):
        assert f"  {line}" in shown
    assert "secret: a payload that no decoder knows, 15 bytes: c8 04" in shown
    assert (tmp_path / "out.jpg").read_bytes() == jpeg(4)


def test_an_empty_cell_is_shown_with_what_is_wrong(tmp_path):
    record = show_record(str(store(tmp_path / "s.h5")), "/[5]", Settings())
    assert "signal: empty" in record.text
    assert "empty (bad): signal: there is no number in it" in record.text
    assert record.status == 1
