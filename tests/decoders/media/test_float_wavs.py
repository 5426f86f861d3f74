"""Test wav files of floating-point samples, which may be NaN or infinite."""

import struct

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan


def wav(samples, *, extensible=False):
    """Return a wav file of one channel."""
    width = samples.dtype.itemsize
    code = 0xFFFE if extensible else 3
    head = struct.pack("<HHIIHH", code, 1, 16000, 16000 * width, width, width * 8)
    if extensible:
        head += struct.pack("<HHI", 22, width * 8, 4) + struct.pack("<H", 3) + bytes(14)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head
    body += b"data" + struct.pack("<I", samples.nbytes) + samples.tobytes()
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sound(number, dtype="f4"):
    return np.sin(np.arange(400) * (0.01 + number * 0.001)).astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("extensible", [False, True])
def test_samples_that_are_not_finite_are_named(dtype, extensible, tmp_path):
    sounds = {it: sound(it, dtype) for it in range(30)}
    sounds[7][[5, 9]] = np.nan
    sounds[9][3] = -np.inf
    values = {key(it): wav(samples, extensible=extensible) for it, samples in sounds.items()}
    findings = scan(write_lmdb(tmp_path / "env", values), workers=1).findings
    assert [(it.key, it.code, it.message) for it in findings] == [
        ("00000007", "nan", "2 of 400 samples are NaN, first at 5"),
        ("00000009", "inf", "1 of 400 samples is infinite, first at 3"),
    ]


def test_integers_of_the_same_bytes_are_sound(tmp_path):
    integers = np.full(400, 0x7FC00000, "<i4")  # NaN, as floats
    values = {key(it): wav(integers).replace(b"\x10\0\0\0\x03\0", b"\x10\0\0\0\x01\0", 1) for it in range(30)}
    assert not [it for it in scan(write_lmdb(tmp_path / "env", values), workers=1).findings if it.code == "nan"]
