"""Test pickles of images that Pillow opened from files, whose state has parts of its own behind the pixels."""

import io
import pickle

import numpy as np
import pytest
from building import key, write_lmdb
from PIL import Image

from datacheck import scan


def opened(number, form):
    pixels = np.random.default_rng(number).integers(0, 255, (7, 9, 3), "u1")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return Image.open(file)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_the_pixels_of_opened_images_are_read(form, tmp_path):
    values = {key(it): pickle.dumps({"image": opened(it, form), "label": it % 3}) for it in range(40)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert (report.status, list(report.findings)) == (0, [])
    assert "image/pixels" in report.profile.families["#"].fields


def test_pixels_of_another_number_than_the_size_are_named(tmp_path):
    values = {key(it): pickle.dumps(opened(it, "JPEG")) for it in range(40)}
    values[key(7)] = values[key(7)].replace(b"K\x09K\x07\x86", b"K\x09K\x08\x86")
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", "pixels", "size-mismatch")]
