"""Test records of a known format that no decoder reads: the finding names the format."""

from __future__ import annotations

import gzip
import random
import struct

import lmdb
import pytest

import datacheck


def write(path, values):
    with lmdb.open(str(path), map_size=1 << 26) as env, env.begin(write=True) as txn:
        for at, value in enumerate(values):
            txn.put(f"{at:06d}".encode(), value)
    return path


def noise(at, size=300):
    return random.Random(at).randbytes(size)


def mp3(at):
    return b"".join(b"\xff\xfb\x90\x64" + noise(at + frame, 413) for frame in range(6))


FORMATS = {
    "DICOM": lambda at: bytes(128) + b"DICM\2\0\0\0UL\4\0" + noise(at),
    "NIfTI": lambda at: struct.pack("<i", 348) + bytes(340) + b"n+1\0" + noise(at),
    "HEIF": lambda at: b"\0\0\0\x18ftypheic" + bytes(12) + noise(at),
    "JPEG XL": lambda at: b"\xff\x0a\x7f\x0b" + noise(at),
    "OpenEXR": lambda at: b"v/1\x01\2\0\0\0" + noise(at),
    "PPM": lambda at: b"P6\n10 10\n255\n" + noise(at),
    "Blosc2 frame": lambda at: b"\x9e\xa8b2frame\0\xd2" + noise(at),
    "MP3 sound": mp3,
    "PLY points or mesh": lambda at: b"ply\nformat binary_little_endian 1.0\n" + noise(at),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_that_nothing_decodes_is_named(tmp_path, name):
    (finding,) = datacheck.scan(write(tmp_path / "a", map(FORMATS[name], range(40)))).findings
    assert (finding.code, finding.verdict) == ("unknown-payload", "unverifiable")
    assert finding.message == f"no decoder knows the payload of the 40 records of '#': those sampled are {name}"


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_in_a_wrapper_is_named(tmp_path, name):
    path = write(tmp_path / "a", (gzip.compress(FORMATS[name](at)) for at in range(20)))
    assert {it.message for it in datacheck.scan(path).findings} == {f"unpacked, no decoder knows it; it is {name}"}


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_that_only_begin_alike_are_not_called_so(tmp_path, name):
    path = write(tmp_path / "a", (b"\x01" + FORMATS[name](at) for at in range(40)))
    assert not any(it.message.endswith(name) for it in datacheck.scan(path).findings)


def test_records_of_two_formats_have_no_name_in_common(tmp_path):
    both = list(FORMATS.values())[:2]
    (finding,) = datacheck.scan(write(tmp_path / "a", (both[at % 2](at) for at in range(40)))).findings
    assert finding.message == "no decoder knows the payload of the 40 records of '#'"
