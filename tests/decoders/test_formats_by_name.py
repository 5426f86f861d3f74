"""Test formats that no decoder reads: they are called by their name, and what is not of it is pointed at."""

import pickle
import struct

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.foreign import known_format

NOISE = np.random.default_rng(5).bytes(4000)


def bson(number):
    body = b"\x10label\0" + struct.pack("<i", number) + b"\0"
    return struct.pack("<i", 4 + len(body)) + body


def adts(frames):
    def frame(size):
        return (
            b"\xff\xf1\x60" + bytes([size >> 11 & 3, size >> 3 & 255, (size & 7) << 5 | 31, 0xFC]) + NOISE[: size - 7]
        )

    return b"".join(map(frame, frames))


FORMATS = {
    "BSON": bson(3),
    "TFRecord": struct.pack("<Q", 89) + bytes.fromhex("8a1d65b6") + NOISE[:93],
    "LZMA": b"\x5d\0\0\x80\0" + b"\xff" * 8 + b"\0" + NOISE[:90],
    "MPEG transport stream": b"".join(b"\x47" + NOISE[at : at + 187] for at in range(4)),
    "H.264 or HEVC video": b"\0\0\0\x01\x67\x64\0\x0a" + NOISE[:90],
    "AAC sound": adts([200, 180, 220, 190]),
    "Windows icon": struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, 90, 22) + NOISE[:90],
    "Wave64 sound": b"riff.\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + NOISE[:90],
    "AU sound": b".snd\0\0\0\x18" + NOISE[:90],
    "NIST SPHERE sound": b"NIST_1A\n   1024\n" + NOISE[:90],
    "CAF sound": b"caff\0\x01\0\0" + NOISE[:90],
    "Feather file (version 1)": b"FEA1\0\0\0\0" + NOISE[:90],
    "property list": b"bplist00" + NOISE[:90],
    "Blosc": b"\x02\x01\x01\x01" + struct.pack("<III", 400, 400, 106) + NOISE[:90],
    "CBOR": b"\xd9\xd9\xf7" + NOISE[:90],
    "SGI picture": b"\x01\xda\x01\x01\0\x03" + NOISE[:90],
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_named(name):
    value = FORMATS[name]
    assert known_format(value) == known_format(memoryview(value)) == name
    assert known_format(b"\x01" + value) != name


def test_bytes_by_chance_have_no_name():
    assert {known_format(np.random.default_rng(it).bytes(400)) for it in range(3000)} == {None}
    sizes = [struct.pack("<Q", 60) + NOISE[:80], struct.pack("<i", 90) + NOISE[:85] + b"\0", bytes(90)]
    assert {known_format(it) for it in sizes} == {None}


def test_a_blosc_chunk_among_pickles_is_not_a_broken_pickle(tmp_path):
    values = {key(it): pickle.dumps({"x": np.full(3, it + 0.5)}) for it in range(60)}
    values[key(7)] = FORMATS["Blosc"]
    (finding,) = scan(write_lmdb(tmp_path / "env", values), workers=1).findings
    assert (finding.key, finding.code, finding.verdict) == ("00000007", "unknown-payload", "unverifiable")


def test_what_is_not_of_the_format_of_the_others_is_pointed_at(tmp_path):
    values = {key(it): bson(it) for it in range(60)}
    values[key(7)] = bytes(len(bson(0)))
    values[key(9)] = b"%PDF-1.7 " + NOISE[: len(bson(0)) - 9]
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    named = {it.key: (it.code, it.verdict, it.message) for it in report.findings if it.key}
    assert named == {
        "00000007": (
            "undecodable",
            "suspicious",
            "not BSON, as nearly all others are: it begins with the bytes 00 00 00 00 00 00 00 00",
        ),
        "00000009": ("undecodable", "suspicious", "not BSON, as nearly all others are: it is PDF document"),
    }
    (whole,) = [it for it in report.findings if it.key is None]
    assert whole.message.endswith("those sampled are BSON")
    assert report.status == 3


def test_formats_that_are_mixed_are_not_compared(tmp_path):
    values = {key(it): bson(it) if it % 2 else b"%PDF-1.7 " + NOISE[: len(bson(0)) - 9] for it in range(60)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [it.code for it in report.findings] == ["unknown-payload"]
