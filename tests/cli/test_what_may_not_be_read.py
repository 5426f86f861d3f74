"""Test what commands say of links that lead nowhere, and of what this user may not read."""

import json

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck

from datacheck.backends.hdf5.file import refused
from datacheck.files.regular import open_regular
from datacheck.model.finding import found
from datacheck.model.profile import Profile
from datacheck.reporting.advice import advice
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tallies import tally_of
from datacheck.showing.contents import Part
from datacheck.showing.store import Info, Sampled


@pytest.mark.parametrize("command", ["scan", "info", "lint", "log"])
def test_a_link_that_leads_nowhere(tmp_path, command):
    (tmp_path / "link").symlink_to("moved/train")
    done = datacheck(command, "link", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "datacheck: link: is a link to moved/train, where there is nothing\n"


@pytest.mark.parametrize(
    "finding",
    [
        found("unsupported", "x.h5: may not be read: permission denied"),
        refused(PermissionError(13, "Permission denied")),
    ],
)
def test_a_denied_permission_is_to_be_given_before_it_is_to_be_ignored(finding):
    report = Report(Source("folder", "folder"), make())
    report.add(tally_of(finding))
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


def test_a_report_into_a_folder_that_is_not_there(tmp_path):
    write_lmdb(tmp_path / "sound", raw_records(8))
    done = datacheck("scan", "sound", "-o", "no/r.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "datacheck: no/r.json: could not be written: there is no folder no\n")


def test_a_part_of_which_no_key_could_be_read_is_no_complete_look():
    def status(*parts):
        info = Info(
            version="", source=Source("x.h5", "hdf5"), settings=make(), sampled=Sampled(0, 0), profile=Profile()
        )
        info.parts = list(parts)
        return info.status

    read, gone = Part("/t", 9, ("/t[0]",)), Part("/t", 9)
    assert [status(), status(read), status(read, gone), status(Part("/t", 9, ("/t[0]",), unread="x"))] == [0, 0, 3, 3]
