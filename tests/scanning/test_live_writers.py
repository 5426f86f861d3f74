"""Test stores that are written to all the time: sound records are never bad, and nothing ends in a traceback."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

WRITER = Path(__file__).parents[1] / "live_writers.py"
SCANS = 2
SECONDS = 240


@pytest.fixture(params=["lmdb", pytest.param("leveldb", marks=pytest.mark.writes_leveldb), "hdf5", "swmr"])
def live(request, tmp_path):
    """Return a store that is being written to."""
    stop = tmp_path / "stop"
    words = [sys.executable, str(WRITER), request.param, str(tmp_path / "store"), str(stop)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as writer:
        while not stop.with_suffix(".ready").exists():
            assert writer.poll() is None, writer.stderr.read()
            time.sleep(0.05)
        yield tmp_path / "store"
        stop.touch()
        assert writer.stderr.read() == ""
    assert writer.returncode == 0


def datacheck(*words):
    command = [sys.executable, "-m", "datacheck", *map(str, words), "--no-progress"]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_a_scan_of_a_live_store_finds_nothing_bad(live, tmp_path):
    for number in range(SCANS):
        report = tmp_path / f"{number}.json"
        done = datacheck("scan", live, "--workers", number % 2 + 1, "--report", report)
        assert (done.stderr, done.returncode) == ("", 3), done.stdout
        document = json.loads(report.read_text())
        assert document["bad"] == 0
        assert {it["code"] for it in document["findings"]} & {"source-changed"}
        assert not {it["code"] for it in document["findings"]} & {"internal-error"}


def test_a_rebuild_of_a_live_store_refuses(live, tmp_path):
    done = datacheck("rebuild", live, tmp_path / "copy", "--drop-bad", "--workers", 1)
    assert done.returncode == 2
    assert "it was changed while it was scanned; rebuild it when nothing writes to it" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "copy").exists()
