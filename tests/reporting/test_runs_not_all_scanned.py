"""What becomes of the report of a run that could not open one of its sources."""

import json

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the report of a run that found a record empty, and could not open another source."""
    records = raw_records(8)
    write_lmdb(tmp_path / "old", {**records, next(iter(records)): b""})
    assert datacheck("scan", "old", "new", "-o", "r.json", "-o", "r.md", cwd=tmp_path).returncode == 2
    return tmp_path


def test_findings_of_one_source_are_not_known_of_the_one_that_was_not_scanned(folder):
    (folder / "old").rename(folder / "new")
    done = datacheck("scan", "new", "--known", "r.json", cwd=folder)
    assert "r.json has no findings of this source" in done.stdout
    assert done.returncode == 1
    single = json.loads((folder / "r.json").read_text())["reports"][0]
    (folder / "of_old.json").write_text(json.dumps(single))
    assert datacheck("scan", "new", "--known", "of_old.json", cwd=folder).returncode == 0


def test_markdown_counts_sources_that_were_not_scanned(folder):
    assert "2 sources: 1 NOT CLEAN, 1 not scanned; 8 records checked" in (folder / "r.md").read_text()
