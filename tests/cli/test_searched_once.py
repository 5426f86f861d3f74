"""Test that a command which reads a source in several steps searches its folder only once."""

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck

from datacheck.scanning import scan


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["show", "folder", "--bad", "1"], 1),
        (["rebuild", "folder/train", "copy", "--drop-bad", "--report", "receipt.json"], 0),
    ],
    ids=["show", "rebuild"],
)
def test_the_source_is_searched_once(tmp_path, monkeypatch, words, status):
    searched = []
    open_stores = scan.open_stores
    monkeypatch.setattr(scan, "open_stores", lambda name, *rest: searched.append(name) or open_stores(name, *rest))
    (tmp_path / "folder").mkdir()
    write_lmdb(tmp_path / "folder" / "train", raw_records(8) | {b"00000003": b""})
    assert datacheck(*words, cwd=tmp_path).returncode == status
    assert searched.count(words[1]) == 1
