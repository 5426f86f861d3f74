"""Keys that are not what their loader asks for, all of them: the spelling of bytes, a NUL behind each."""

import struct

import pytest
from convention_stores import picture, word_pictures, write

import datacheck

FORMS = {
    "spelled": lambda key: repr(key).encode(),
    "ended": lambda key: key + b"\0",
}


@pytest.mark.parametrize("form", FORMS)
def test_all_keys_are_odd(tmp_path, form):
    records = {FORMS[form](key): value for key, value in word_pictures().items()}
    report = datacheck.scan(write(tmp_path / "store", records))
    odd = [it for it in report.findings if it.code == "odd-text" and it.key is None]
    assert [it.verdict for it in odd] == ["suspicious"]
    assert "a loader that asks for image-# finds nothing" in odd[0].message


@pytest.mark.parametrize(
    "key",
    [
        lambda at: b"image-%09d" % at,
        lambda at: b"b'%d" % at,
        lambda at: struct.pack("<H", at),
        lambda at: struct.pack("<I", at),
        lambda at: struct.pack(">I", at),
        lambda at: struct.pack(">I", 256 * at),
        lambda at: b"\x00%d\x00" % at,
    ],
)
def test_keys_as_they_are_meant(tmp_path, key):
    records = {key(at): picture(at) for at in range(1, 80)}
    assert datacheck.scan(write(tmp_path / "store", records)).counts == {}


def test_some_of_the_keys_are_what_they_are(tmp_path):
    records = word_pictures() | {b"'b%05d'" % at: picture(at) for at in range(40)}
    records |= {b"b'%05d'" % at: picture(at) for at in range(40)}
    assert not [it for it in datacheck.scan(write(tmp_path / "store", records)).findings if it.code == "odd-text"]
