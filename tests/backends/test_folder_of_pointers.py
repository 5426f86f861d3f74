"""Test that a folder says what lies in a store's place, as the same place says if it is named itself."""

import os

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck

FILES = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n": "is a git-lfs pointer, not the file it stands for; "
    "fetch it with 'git lfs pull'",
    b"": "is an empty file",
    b"<!DOCTYPE html>\n<html>": "is an HTML page, most likely the error page of a download",
}


@pytest.fixture
def folder(tmp_path):
    write_lmdb(tmp_path / "sound", raw_records(20))
    (tmp_path / "other").mkdir()
    return tmp_path


@pytest.mark.parametrize("content", FILES)
def test_what_stands_in_for_an_lmdb_is_named(folder, content):
    (folder / "other" / "data.mdb").write_bytes(content)
    done = datacheck("scan", ".", cwd=folder)
    none = "other: should be an LMDB environment by the names in it, and is none"
    assert (done.returncode, f"    {none}: data.mdb {FILES[content]}" in done.stdout.splitlines()) == (1, True)


def test_what_is_not_known_is_not_named(folder):
    (folder / "other" / "data.mdb").write_bytes(b"\1\2\3" * 2000)
    lines = datacheck("scan", ".", cwd=folder).stdout.splitlines()
    assert "    other: should be an LMDB environment by the names in it, and is none" in lines


def test_a_pipe_in_its_place_is_not_waited_for(folder):
    os.mkfifo(folder / "other" / "data.mdb")
    assert datacheck("scan", ".", cwd=folder, timeout=60).returncode == 1
