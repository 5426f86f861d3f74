"""Test that an interrupted reading of a log reports what was read, as in `tail -f train.log | datacheck log -`."""

import csv
import json
import os
import signal

import pytest
from commanding import datacheck

from datacheck import read_log
from datacheck.logs.lines import Lines

LINE = "I0101 10:10:10.00000{0}  1 s.cpp:1] Iteration {0}, loss = {1}\n"
DIVERGED = "".join(LINE.format(number, loss) for number, loss in enumerate(["2", "3", "nan", "nan"]))
HEALTHY = "".join(LINE.format(number, 2 - number / 4) for number in range(4))


@pytest.fixture
def endless(monkeypatch):
    """Interrupt where a log would wait for further lines."""
    real = Lines._read

    def read(self):
        block = real(self)
        if not block:
            os.kill(os.getpid(), signal.SIGINT)
        return block

    monkeypatch.setattr(Lines, "_read", read)


def test_what_was_found_is_printed_and_written(tmp_path, endless):
    (tmp_path / "log").write_text(DIVERGED)
    words = ("--report", "r.json", "--report", "r.csv")
    done = datacheck("log", "log", "never", *words, cwd=tmp_path)
    headline, verdict, finding, *_ = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (130, "")
    assert headline.startswith("log: Caffe log of 1 training run, 4 iterations shown (0 to 3), 4 lines")
    assert verdict == "INTERRUPTED after 4 lines: 1 bad so far"
    assert finding == "  sudden-nan (bad) at iteration 2, line 3"
    document = json.loads((tmp_path / "r.json").read_text())
    assert (document["status"], document["clean"]) == (130, False)
    assert [it["source"] for it in document["not_scanned"]] == ["never"]
    (report,) = document["reports"]
    assert (report["status"], report["complete"], report["bad"], len(report["series"])) == (130, False, 1, 4)
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert [it["message"] for it in rows[:4]] == [""] * 4
    assert rows[4]["message"] == "not complete: INTERRUPTED after 4 lines: 1 bad so far"


def test_a_healthy_log_is_no_verdict_either(tmp_path, endless):
    (tmp_path / "log").write_text(HEALTHY)
    done = datacheck("log", "log", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[1]) == (130, "INTERRUPTED after 4 lines: nothing wrong so far")


def test_before_the_first_line_of_caffe(tmp_path, endless):
    (tmp_path / "log").write_text("compiling\n")
    done = datacheck("log", "log", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "")
    assert done.stdout.splitlines()[1] == "INTERRUPTED after 1 line: nothing wrong so far"


def test_the_library_raises(tmp_path, endless):
    (tmp_path / "log").write_text(DIVERGED)
    with pytest.raises(KeyboardInterrupt):
        read_log(tmp_path / "log", reports=[tmp_path / "r.json"])
    assert json.loads((tmp_path / "r.json").read_text())["status"] == 130
