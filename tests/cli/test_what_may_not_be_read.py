"""Test what commands say of links that lead nowhere, and of what this user may not read."""

import json

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck

from datacheck.files.regular import open_regular
from datacheck.model.finding import found
from datacheck.reporting.advice import advice
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tallies import tally_of


@pytest.mark.parametrize("command", ["scan", "info", "lint", "log"])
def test_a_link_that_leads_nowhere(tmp_path, command):
    (tmp_path / "link").symlink_to("moved/train")
    done = datacheck(command, "link", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "datacheck: link: is a link to moved/train, where there is nothing\n"


def test_a_denied_permission_is_to_be_given_before_it_is_to_be_ignored():
    report = Report(Source("folder", "folder"), make())
    report.add(tally_of(found("unsupported", "x.h5: may not be read: permission denied")))
    said = advice(report, [])
    assert said == (
        "to decide: unsupported: give yourself the permission to read it (chmod); --ignore unsupported ignores it"
    )


def test_lint_goes_on_after_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def opened(path):
        if path.name == "denied":
            raise PermissionError(13, "Permission denied", str(path))
        return open_regular(path)

    monkeypatch.setattr("datacheck.caffe.prototxt.open_regular", opened)
    monkeypatch.setattr("os.access", lambda path, mode, **more: not str(path).endswith("denied"))  # as click asks
    for name in ("denied", "sound"):
        (tmp_path / name).write_text('input: "x" input_shape { dim: 1 }\n')
    done = datacheck("lint", "denied", "sound", "--format", "json", cwd=tmp_path)
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert document["not_scanned"] == [
        {"source": "denied", "message": "denied: may not be read: Permission denied"},
    ]
    assert [it["source"]["path"] for it in document["reports"]] == ["sound"]


def test_a_source_that_is_not_scanned_has_the_name_that_was_given(tmp_path, monkeypatch):
    def denied(path, *rest):
        raise PermissionError(13, "Permission denied", f"{path}/data.mdb")

    write_lmdb(tmp_path / "sound", raw_records(8))
    (tmp_path / "denied").write_text("x")
    monkeypatch.setattr("datacheck.backends.hdf5.reader.Hdf5Reader.recognise", denied)
    done = datacheck("scan", "denied", "sound", "--format", "json", cwd=tmp_path)
    message = "denied/data.mdb: may not be read: permission denied"
    assert json.loads(done.stdout)["not_scanned"] == [{"source": "denied", "message": message}]
