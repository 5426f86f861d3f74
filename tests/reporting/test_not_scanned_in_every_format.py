"""Test that every format of a report names the sources that could not be opened: such a run must not look clean."""

import csv
import json

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck

from datacheck import NotClean, load_report

ERROR = "gone: there is nothing at this path"
NAMED = [{"source": "gone", "message": ERROR}]
SUFFIXES = ("json", "jsonl", "csv", "html")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Scan a sound store and one that is not there, and return the folder of the reports."""
    folder = tmp_path_factory.mktemp("reports")
    write_lmdb(folder / "sound", raw_records(8))
    options = [word for suffix in SUFFIXES for word in ("--report", f"r.{suffix}")]
    assert datacheck("scan", "sound", "gone", *options, cwd=folder).returncode == 2
    return folder


def require_named(document):
    assert (document["schema"], document["status"], document["clean"]) == ("datacheck-reports/1", 2, False)
    assert document["not_scanned"] == NAMED
    (report,) = document["reports"]
    assert (report["source"]["path"], report["clean"]) == ("sound", True)


def test_json(written):
    require_named(json.loads((written / "r.json").read_text()))


def test_json_lines(written):
    (last,) = (written / "r.jsonl").read_text().splitlines()
    require_named(json.loads(last))


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_it_is_loaded_and_saved_again(written, suffix, tmp_path):
    reports = load_report(written / f"r.{suffix}")
    assert (reports.status, reports.clean, len(reports)) == (2, False, 1)
    assert f"not scanned: {ERROR}" in str(reports)
    with pytest.raises(NotClean, match=ERROR):
        reports.require_clean()
    reports.save(tmp_path / "again.json")
    require_named(json.loads((tmp_path / "again.json").read_text()))


def test_csv(written):
    (row,) = csv.DictReader((written / "r.csv").read_text().splitlines())
    assert {name: it for name, it in row.items() if it} == {"source": "gone", "message": f"not scanned: {ERROR}"}


def test_page(written):
    text = (written / "r.html").read_text()
    assert '<h1 class="state">Not all scanned</h1>' in text
    assert "1 of 2 sources was not scanned; 8 records were looked at." in text
    assert f'<span class="meaning">{ERROR}</span>' in text


def test_annotations_and_standard_output(written):
    done = datacheck("scan", "sound", "gone", "--format", "github", cwd=written)
    assert f"::error file=gone,line=1,title=not scanned::{ERROR}" in done.stdout.splitlines()
    require_named(json.loads(datacheck("scan", "sound", "gone", "--format", "json", "--quiet", cwd=written).stdout))


@pytest.mark.parametrize("command", ["lint", "log"])
def test_files_of_caffe(tmp_path, command):
    text = {
        "lint": 'input: "x" input_shape { dim: 1 }\n',
        "log": "I0101 10:10:10.000000  1 s.cpp:1] Iteration 0, loss = 2\n",
    }
    (tmp_path / "sound").write_text(text[command])
    done = datacheck(command, "sound", "gone", "--format", "json", "--report", "r.json", "--quiet", cwd=tmp_path)
    assert done.returncode == 2
    require_named(json.loads(done.stdout))
    require_named(json.loads((tmp_path / "r.json").read_text()))


def test_a_run_of_several_sources_has_a_status_of_its_own(written):
    write_lmdb(written / "bad", raw_records(8) | {b"00000003": b""})
    document = json.loads(datacheck("scan", "sound", "bad", "--format", "json", cwd=written).stdout)
    assert (document["status"], document["clean"], "not_scanned" in document) == (1, False, False)
