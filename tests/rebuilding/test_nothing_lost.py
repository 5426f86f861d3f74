"""Test that faults of a store as a whole are not reported as losses if nothing is lost."""

import pytest
from building import key, raw_records
from commanding import datacheck as command
from leveldb_building import flip, write_two_tables
from page_reading import Page

from datacheck.backends.leveldb.log_writer import create as write_leveldb

pytestmark = pytest.mark.writes_leveldb


def without_newline(path):
    write_leveldb(path, raw_records(30).items())
    (path / "CURRENT").write_bytes((path / "CURRENT").read_bytes().strip())
    return path


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["written", "dry"])
def test_the_receipt_of_a_store_that_only_its_library_refuses_says_bad_not_lost(tmp_path, dry):
    page = tmp_path / "r.html"
    store = without_newline(tmp_path / "db")
    done = command("rebuild", store, tmp_path / "copy", "--drop-bad", "-o", page, *dry)
    assert done.returncode == 0
    assert done.stdout.startswith("bad in the source: damaged-store: CURRENT does not end with a newline")
    assert "lost" not in done.stdout
    assert "lost" not in Page(page.read_text("utf-8")).words().lower()


def test_the_receipt_of_a_store_that_has_lost_records_names_these(tmp_path):
    store = write_two_tables(tmp_path / "db")
    flip(next(iter(sorted(store.glob("*.ldb")))), 40)
    done = command("rebuild", store, tmp_path / "copy", "--drop-bad")
    (line,) = [it for it in done.stdout.splitlines() if it.startswith("bad in the source: ")]
    assert "are lost" in line
    assert key(1).decode() not in done.stdout.replace(line, "")
