"""Test TIFF files in compressions that nothing here unpacks, and floats of 64 bits."""

import numpy as np
import pytest
from decoders.pictures.test_tiff_samples import written

from datacheck.decoders.pictures.decoder import read_picture


@pytest.mark.parametrize(
    ("compression", "name"), [(34887, "LERC"), (34712, "JPEG 2000"), (50002, "JPEG XL"), (34933, "PNG"), (65001, "EER")]
)
def test_compressions_that_are_not_unpacked_are_undecided(compression, name):
    value = written("u1", 1, [bytes(range(60))], t259=compression)
    picture, (finding,) = read_picture(value)
    assert picture is None
    assert (finding.code, finding.verdict) == ("unknown-payload", "unverifiable")
    assert f"in {name}, which datacheck does not decode" in finding.message
    cut, (finding,) = read_picture(value[:-20])
    assert cut is None
    assert (finding.code, finding.verdict) == ("truncated", "bad")


def test_a_compression_that_does_not_exist_is_bad():
    picture, (finding,) = read_picture(written("u1", 1, [bytes(60)], t259=34888))
    assert picture is None
    assert (finding.code, finding.verdict) == ("corrupt-image", "bad")


@pytest.mark.parametrize("order", ["<", ">"])
def test_floats_of_64_bits_are_read(order):
    pixels = np.arange(60.0).reshape(6, 10)
    pixels[2, 3] = np.nan
    raw = pixels.astype(f"{order}f8").tobytes()
    value = written(f"{order}f8", 1, [raw], order=order, t256=10, t257=6, t278=6)
    picture, findings = read_picture(value)
    assert not findings
    assert np.array_equal(picture.pixels[0], pixels, equal_nan=True)
