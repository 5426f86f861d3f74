"""Test that reports for continuous integration name the sources that could not be scanned, since that is no success."""

import json
from xml.etree import ElementTree

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck

ERROR = "gone: there is nothing at this path"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Scan a sound store and one that is not there, and return the folder of the reports."""
    folder = tmp_path_factory.mktemp("reports")
    write_lmdb(folder / "sound", raw_records(8))
    options = [word for suffix in ("md", "xml", "sarif") for word in ("--report", f"r.{suffix}")]
    assert datacheck("scan", "sound", "gone", *options, cwd=folder).returncode == 2
    return folder


def test_markdown(written):
    text = (written / "r.md").read_text()
    assert text.startswith("# datacheck: NOT ALL SCANNED\n")
    assert f"- not scanned: `{ERROR}`\n" in text


def test_junit(written):
    root = ElementTree.parse(written / "r.xml").getroot()
    assert (root.get("errors"), root.get("tests")) == ("1", str(sum(int(it.get("tests")) for it in root)))
    (suite,) = (it for it in root if it.get("errors") == "1")
    (error,) = suite.iter("error")
    assert error.text == ERROR


def test_sarif(written):
    ((invocation,),) = (it["invocations"] for it in json.loads((written / "r.sarif").read_text())["runs"])
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    assert invocation["toolExecutionNotifications"] == [{"level": "error", "message": {"text": ERROR}}]


@pytest.mark.parametrize("command", ["lint", "log"])
def test_files_of_caffe(tmp_path, command):
    (tmp_path / "sound").write_text(
        'input: "x" input_shape { dim: 1 }\n'
        if command == "lint"
        else "I0101 10:10:10.000000  1 solver.cpp:228] Iteration 0, loss = 2\n"
    )
    assert datacheck(command, "sound", "gone", "--report", "r.md", cwd=tmp_path).returncode == 2
    text = (tmp_path / "r.md").read_text()
    assert text.startswith("# datacheck: NOT ALL SCANNED\n")
    assert f"- not scanned: `{ERROR}`\n" in text
