"""Bytes after the end of nearly every payload of a family, as some writers leave them, are reported once."""

import pytest
from convention_stores import picture, write

import datacheck


def scanned(path, records):
    report = datacheck.scan(write(path, records))
    return [(it.key, it.details.get("count"), it.message) for it in report.findings if it.code == "trailing-data"]


def test_what_nearly_all_pictures_end_with_is_said_once(tmp_path):
    store = {b"%05d" % at: picture(at) + b"made by %d" % at for at in range(48)}
    found = scanned(tmp_path / "all", store)
    assert [it[:2] for it in found] == [(None, 48)]
    assert "48 records have bytes after the end of the JPEG" in found[0][2]
    store[b"00007"] = picture(7)
    assert [it[:2] for it in scanned(tmp_path / "but one", store)] == [(None, 47)]


@pytest.mark.parametrize("share", [2, 24])
def test_what_some_pictures_end_with_is_named(tmp_path, share):
    store = {b"%05d" % at: picture(at) + b"made" * (at % share == 0) for at in range(48)}
    assert len(scanned(tmp_path / "some", store)) == 48 // share


def test_a_cut_picture_among_them_is_still_named(tmp_path):
    store = {b"%05d" % at: picture(at) + b"made by %d" % at for at in range(48)}
    store[b"00007"] = picture(7)[:200]
    report = datacheck.scan(write(tmp_path / "cut", store))
    assert [it.key for it in report.findings if it.verdict == "bad"] == ["00007"]
