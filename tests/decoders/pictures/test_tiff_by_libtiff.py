"""Test TIFF files of many bands whose strips and tiles libtiff unpacks: LZW, PackBits and Zstandard."""

import io
import zlib
from itertools import pairwise

import cramjam
import numpy as np
import pytest
from decoders.pictures.test_tiff_samples import BANDS, FLOATS, LAST, STEPS, TILES, written
from PIL import Image

from datacheck.decoders.pictures import tiff, tiff_samples
from datacheck.decoders.pictures.decoder import read_picture


def lzw(raw):
    """Return bytes in LZW, as the only strip of a TIFF that Pillow writes."""
    out = io.BytesIO()
    row = Image.frombytes("L", (len(raw), 1), raw)
    row.save(out, "TIFF", compression="tiff_lzw")
    page = next(tiff.pages(out.getvalue()))
    [part] = tiff.parts(page, len(out.getvalue()))
    return out.getvalue()[part.start : part.stop]


def packed(raw):
    """Return bytes in PackBits, in runs of up to 100 that are stored as they are."""
    runs = [raw[at : at + 100] for at in range(0, len(raw), 100)]
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def zstd(raw):
    return bytes(cramjam.zstd.compress(raw))


PACKERS = {5: lzw, 32773: packed, 50000: zstd}
ROWS = [LAST[start:stop].tobytes() for start, stop in pairwise((0, 8, 16, 20))]


@pytest.mark.parametrize("compression", PACKERS)
def test_bands_are_read_as_they_were_written(compression):
    pack = PACKERS[compression]
    layouts = [
        written("u2", 6, [*map(pack, ROWS)], t259=compression, t278=8),
        written("u2", 6, [pack(STEPS.tobytes())], t259=compression, t317=2),
        written("u2", 6, [pack(it.tobytes()) for it in BANDS], t259=compression, t284=2),
        written("u2", 6, [*map(pack, TILES)], t259=compression, t322=16, t323=16),
    ]
    for data in layouts:
        picture, findings = read_picture(data)
        assert (picture.pixels.tolist(), findings) == (BANDS.tolist(), [])
        assert [it.code for it in read_picture(data[:-3])[1]] == ["truncated"]


@pytest.mark.parametrize(("compression", "pack"), [(1, bytes), (5, lzw), (8, zlib.compress)])
def test_every_band_of_two_floats_is_read_if_they_lie_apart(compression, pack):
    floats = FLOATS[:2].copy()
    floats[1, 3, 4] = np.nan
    data = written("f4", 2, [pack(it.tobytes()) for it in floats], t259=compression, t284=2, t338=[0])
    picture, findings = read_picture(data)
    assert findings == []
    np.testing.assert_array_equal(picture.pixels, floats)


def test_what_libtiff_cannot_unpack_is_corrupt():
    frame = bytearray(zstd(LAST.tobytes()))
    frame[40] ^= 0xFF
    [finding] = read_picture(written("u2", 6, [bytes(frame)[:-50]], t259=50000))[1]
    assert (finding.code, finding.verdict) == ("corrupt-image", "bad")


def test_equal_tiles_are_unpacked_once_and_overlapping_ones_within_bounds(monkeypatch):
    tile = lzw(bytes(16 * 16 * 12))
    data = written("u2", 6, [tile] * 4, t259=5, t322=16, t323=16)
    assert read_picture(data)[1] == []
    monkeypatch.setattr(tiff_samples, "OVERLAPPING", 0)
    [finding] = read_picture(data)[1]
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")
