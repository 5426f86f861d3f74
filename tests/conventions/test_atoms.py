"""Rows by id, the next id, and the deleted ones."""

import json
import zlib

import pytest
from convention_stores import atoms, load_atoms, write

import datacheck
from datacheck.model.escaping import unescape


def scanned(path):
    report = datacheck.scan(path)
    return {(it.code, it.verdict): it for it in report.findings if it.key is None and it.verdict == "bad"}


@pytest.mark.parametrize("deleted", [(), (3, 40), (1, 2, 17)])
def test_deleted_ids_are_no_gaps(tmp_path, deleted):
    assert scanned(write(tmp_path / "atoms.aselmdb", atoms(deleted=deleted), subdir=False)) == {}


def test_rows_that_are_gone(tmp_path):
    records = atoms(deleted=(3,))
    del records[b"20"], records[b"40"]
    said = scanned(write(tmp_path / "atoms.aselmdb", records, subdir=False))
    assert {code: it.details for code, it in said.items()} == {("dangling", "bad"): {"count": 2, "first": ["20", "40"]}}


def test_a_next_id_that_is_taken(tmp_path):
    records = atoms() | {b"nextid": zlib.compress(b"30")}
    said = scanned(write(tmp_path / "atoms.aselmdb", records, subdir=False))
    assert {code: it.message for code, it in said.items()} == {
        ("count", "bad"): "nextid says that 30 is the next number, and 40 is taken"
    }


@pytest.mark.parametrize("kept", [True, False])
def test_the_ids_of_the_copy_all_load(tmp_path, kept):
    records = atoms(deleted=(3,) if kept else ())
    if not kept:
        del records[b"deleted_ids"]
    del records[b"20"]
    records[b"7"] = b""
    source = write(tmp_path / "atoms.aselmdb", records, subdir=False)
    receipt = datacheck.rebuild(source, tmp_path / "copy.aselmdb", drop_bad=True)
    assert (tmp_path / "copy.aselmdb").is_file()
    gone = {7, 20, *((3,) if kept else ())}
    rows = {number: {"energy": -number} for number in range(1, 41) if number not in gone}
    assert load_atoms(tmp_path / "copy.aselmdb") == rows
    assert receipt.dropped == 1
    assert receipt.repairs.renumbered == []
    assert json.loads(zlib.decompress(unescape(receipt.repairs.values["deleted_ids"]))) == sorted(gone)
    assert scanned(tmp_path / "copy.aselmdb") == {}
