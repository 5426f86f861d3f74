"""Test a reading of a log that is interrupted while there is nothing to read yet, or when all is read."""

import io
import json
import os
import signal

import pytest
from commanding import datacheck
from log_building import healthy, run

from datacheck import read_log
from datacheck.logs.diagnosis import LogReport


class Silent(io.RawIOBase):
    """A pipe into which nothing is written until the reader is interrupted."""

    def readable(self):
        return True

    def readinto(self, buffer):
        os.kill(os.getpid(), signal.SIGINT)
        return 0


def test_a_pipe_into_which_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.logs.lines.open_regular", lambda path: io.BufferedReader(Silent()))
    done = datacheck("log", "pipe", "later", "--report", "r.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "")
    assert done.stdout.splitlines()[1] == "INTERRUPTED after 0 lines: nothing wrong so far"
    document = json.loads((tmp_path / "r.json").read_text())
    assert (document["status"], document["reports"][0]["status"]) == (130, 130)
    assert [it["source"] for it in document["not_scanned"]] == ["later"]


def test_an_interrupt_during_the_diagnosis_leaves_no_clean_report(tmp_path, monkeypatch):
    def interrupted(report, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr(LogReport, "close", interrupted)
    (tmp_path / "log").write_text(run(healthy()))
    with pytest.raises(KeyboardInterrupt):
        read_log(tmp_path / "log", reports=[tmp_path / "r.json"])
    document = json.loads((tmp_path / "r.json").read_text())
    assert (document["status"], document["complete"]) == (130, False)


def test_what_was_read_is_drawn(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("datacheck.logs.lines.open_regular", lambda path: io.BufferedReader(Silent()))
    done = datacheck("log", "pipe", "--plot", "p.png", "--report", "r.html", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "r.html").read_text()
    assert "The reading of the log was interrupted: nothing wrong so far. This is not a verdict." in page
