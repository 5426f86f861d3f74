"""Test pickles of Pillow's images: their pixels are read, and compared with their size."""

import pickle

import numpy as np
import pytest
from building import key, write_lmdb
from PIL import Image

from datacheck import scan


def image(number, mode="RGB", size=(9, 7), value=None):
    draw = np.random.default_rng(number)
    if mode == "F":
        values = draw.normal(size=(size[1], size[0])).astype("f4")
        values[2, 3] = values[2, 3] if value is None else value
        return Image.fromarray(values)
    return Image.fromarray(draw.integers(0, 255, (size[1], size[0], 3), "u1")).convert(mode)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK", "I", "F", "LA"])
def test_sound_images_are_clean(mode, tmp_path):
    values = {key(it): pickle.dumps({"image": image(it, mode), "label": it % 3}) for it in range(40)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert (report.status, list(report.findings)) == (0, [])
    assert "image/pixels" in report.profile.families["#"].fields


def test_a_nan_in_a_pixel_is_named(tmp_path):
    values = {key(it): pickle.dumps(image(it, "F", value=np.nan if it == 7 else None)) for it in range(40)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", "pixels", "nan")]


def test_pixels_of_another_number_than_the_size_are_named(tmp_path):
    values = {key(it): pickle.dumps({"image": image(it), "label": it % 3}) for it in range(40)}
    values[key(7)] = values[key(7)].replace(b"K\x09K\x07\x86", b"K\x09K\x08\x86")
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", "image/pixels", "size-mismatch")]
