"""Test bytes in a record that are as many as the size beside them says: pixels, whose number can be wrong."""

import pickle

import lmdb
import numpy as np
import pytest

import datacheck


class Picture:
    """A picture that is pickled with its pixels as bytes."""

    def __init__(self, pixels, rows=12):
        self.channels, self.size = 3, (rows, 10)
        self.image = pixels


def _pixels(number):
    return np.random.default_rng(number).integers(0, 256, 360, np.uint8).tobytes()


def _scan(path, values):
    with lmdb.open(str(path), map_size=1 << 22, sync=False) as env, env.begin(write=True) as transaction:
        for number, value in enumerate(values):
            transaction.put(b"v%05d" % number, pickle.dumps(value))
    return datacheck.scan(path)


WRITERS = {
    "object": Picture,
    "mapping": lambda pixels: {"img": pixels, "shape": (12, 10, 3), "label": len(pixels) % 7},
    "tuple": lambda pixels: ((10, 12), pixels, len(pixels) % 7),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_a_record_with_fewer_pixels_is_bad(tmp_path, writer):
    pixels = [_pixels(number) for number in range(40)]
    assert _scan(tmp_path / "sound", map(writer, pixels)).counts == {}
    pixels[5] = pixels[5][:200]
    report = _scan(tmp_path / "cut", map(writer, pixels))
    assert [(it.key, it.code) for it in report.findings] == [("v00005", "size-mismatch")]


OTHERS = {
    "float32": lambda pixels: {"img": pixels * 4, "shape": (12, 10, 3)},
    "float32 of two axes": lambda pixels: ((10, 9), pixels, 3),
}


@pytest.mark.parametrize("writer", OTHERS.values(), ids=OTHERS)
def test_bytes_of_other_numbers_are_not_known(tmp_path, writer):
    values = [writer(_pixels(number)) for number in range(20)]
    assert set(_scan(tmp_path / "store", values).counts) == {"unknown-payload"}
