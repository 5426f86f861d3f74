"""Test files of other kinds among pictures: the finding says what they are."""

from __future__ import annotations

import pytest

from datacheck.decoders.pictures.decoder import read_picture

FILES = {
    "an HTML page": b"\xef\xbb\xbf\n<!DOCTYPE HTML><html><title>403 Forbidden</title></html>",
    "an error message in XML": b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>",
    "a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "an AppleDouble file": b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(80),
    "a .DS_Store file": b"\0\0\0\1Bud1\0\0\x10\0" + bytes(80),
    "an OLE file": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
}


@pytest.mark.parametrize("what", FILES)
def test_what_is_no_picture_is_called_by_its_name(what):
    picture, (finding,) = read_picture(FILES[what])
    assert picture is None
    assert (finding.code, finding.verdict) == ("undecodable", "bad")
    assert finding.message.startswith(f"not a picture but {what}")


@pytest.mark.parametrize("what", FILES)
def test_other_bytes_are_shown(what):
    _, (finding,) = read_picture(b"\1" + FILES[what])
    assert finding.message.startswith("not a picture: ")
