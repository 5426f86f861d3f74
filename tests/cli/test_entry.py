"""Test the command line: options, exit statuses, and what goes to which stream."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from building import datum, fingerprint, key, pictures, pixels, raw_records, write_lmdb
from commanding import datacheck as run

import datacheck
from datacheck.model.settings import CHECKS


@pytest.fixture
def clean(tmp_path):
    return write_lmdb(tmp_path / "clean", raw_records(30))


@pytest.fixture
def damaged(tmp_path):
    return write_lmdb(tmp_path / "damaged", raw_records(30) | {key(7): b"", key(9): datum(pixels(9), None)})


def test_a_clean_source(clean):
    done = run("scan", clean)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r".*clean: LMDB of Datum 3x8x8 uint8, 30 records, [\d.]+ kB, [\d.]+ s \([\d,]+ records/s\)\n"
        r"clean: nothing wrong\n",
        done.stdout,
    )


def test_a_damaged_source(damaged):
    done = run("scan", damaged)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[1:] == [
        "NOT CLEAN: 2 bad",
        "  empty (bad): 1",
        "    00000007  the value has zero bytes",
        "  label (bad): 1",
        "    00000009  label: no label; the other records have one",
        f"look at one: datacheck show {damaged} 00000007",
        f"a clean copy: datacheck rebuild {damaged} {damaged}_clean --drop-bad",
    ]


def test_the_worst_status_of_several_sources_counts(clean, damaged, tmp_path):
    assert run("scan", clean, damaged).returncode == 1
    done = run("scan", damaged, tmp_path / "nothing", clean)
    assert done.returncode == 2
    assert done.stdout.count("LMDB of Datum") == 2
    assert done.stderr == f"datacheck: {tmp_path}/nothing: there is nothing at this path\n"


def test_quiet_says_nothing_when_clean(clean, damaged):
    assert run("scan", "--quiet", clean).stdout == ""
    assert "NOT CLEAN" in run("scan", "--quiet", damaged).stdout
    assert run("scan", "--quiet", "--format", "json", clean).stdout == ""


def test_json_on_standard_output(clean, damaged):
    assert json.loads(run("scan", "--format", "json", damaged).stdout)["bad"] == 2
    both = json.loads(run("scan", "--format", "json", damaged, clean).stdout)
    assert [it["bad"] for it in both["reports"]] == [2, 0]


def test_the_options_reach_the_scan(damaged, tmp_path):
    options = (
        "--labels 0:8 --range data=:200 --shape 3,8,8 --check range --check label --check shape --skip shape "
        "--sample 50% --timeout 5 --max-bad 3% --strict --allow-nan data --label-field label --workers 3 "
        "--ignore sorted --backend lmdb --decoder datum --stats --batch-size 4 --format json"
    )
    done = run("scan", damaged, *options.split(), "--report", tmp_path / "r.csv")
    settings = json.loads(done.stdout)["settings"]
    assert settings == {
        "checks": ["range", "label"],
        "range": [{"low": None, "high": 200.0, "field": "data"}],
        "labels": {"low": 0.0, "high": 8.0, "field": None},
        "label_field": "label",
        "shape": [3, 8, 8],
        "allow_nan": ["data"],
        "together": [],
        "conventions": [],
        "paired": False,
        "validators": [],
        "sample": "50%",
        "stats": True,
        "batch_size": 4,
        "backend": "lmdb",
        "decoder": "datum",
        "decoders": [],
        "array": [],
        "workers": 3,
        "engine": "local",
        "timeout": 5.0,
        "max_time": None,
        "max_bad": "3%",
        "strict": True,
        "strict_pictures": False,
        "eyes": None,
        "ignore": ["sorted"],
        "known": None,
        "like": None,
        "like_tolerance": None,
        "checksums": None,
        "duplicates": False,
        "config": None,
    }
    assert (tmp_path / "r.csv").exists()


@pytest.mark.parametrize(
    "args",
    [
        ["scan"],
        ["scan", "STORE", "--nonsense"],
        ["scan", "STORE", "--range", "5"],
        ["scan", "STORE", "--range", "9:1"],
        ["scan", "STORE", "--range", "a:b"],
        ["scan", "STORE", "--labels", "ten"],
        ["scan", "STORE", "--shape", "3,x"],
        ["scan", "STORE", "--check", "nonsense"],
        ["scan", "STORE", "--backend", "nonsense"],
        ["scan", "STORE", "--sample", "none"],
        ["scan", "STORE", "--report", "report.txt"],
        ["scan", "STORE", "--config", "missing.toml"],
        ["show", "STORE"],
        ["show", "STORE", "nonsense"],
        ["nonsense"],
    ],
)
def test_mistakes_are_one_sentence_and_status_2(clean, args):
    done = run(*[clean if it == "STORE" else it for it in args])
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_what_is_not_a_store_is_said_in_a_sentence(tmp_path):
    things = {
        "empty": b"",
        "page.h5": b"<!DOCTYPE html><html>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4e29\nsize 292937728\n",
        "text": b"hello",
    }
    for name, content in things.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    done = run("scan", *(tmp_path / name for name in (*things, "folder")))
    assert done.returncode == 2
    assert [line.rpartition("/")[2] for line in done.stderr.splitlines()] == [
        "empty: is an empty file",
        "page.h5: is an HTML page, most likely the error page of a download",
        "pointer: is a git-lfs pointer, not the file it stands for; fetch it with 'git lfs pull'",
        "text: is not an LMDB, LevelDB or HDF5 store",
        "folder: is an empty directory",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("datacheck.toml", 'labels = 3\nstrict = true\nskip = ["constant"]\n'),
        ("datacheck.toml", 'labels = "0:2"\nstrict = true\nskip = "constant"\n'),
        ("pyproject.toml", '[tool.datacheck]\nlabels = 3\nstrict = true\nskip = ["constant"]\n'),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_a_configuration_gives_the_defaults(clean, tmp_path, name, content, named):
    (tmp_path / name).write_text(content)
    options = ["--config", tmp_path / name] if named else []
    done = run("scan", clean, "--format", "json", *options, cwd=None if named else tmp_path)
    said = json.loads(done.stdout)
    assert said["settings"]["labels"] == {"low": 0.0, "high": 2.0, "field": None}
    assert said["settings"]["strict"]
    assert "constant" not in said["settings"]["checks"]
    assert done.returncode == 1
    again = run("scan", clean, "--labels", "10", *options, cwd=None if named else tmp_path)
    assert again.returncode == 0


@pytest.mark.parametrize("content", ["nonsense = 1", "not toml", "labels = 'x'"])
def test_a_wrong_configuration_is_said(clean, tmp_path, content):
    (tmp_path / "datacheck.toml").write_text(content)
    done = run("scan", clean, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_the_schema_is_printed():
    assert json.loads(run("scan", "--schema").stdout)["$defs"]["Document"]


def test_the_help_names_every_check():
    assert ", ".join(CHECKS) in " ".join(run("scan", "--help").stdout.split())


def test_the_version():
    assert run("--version").stdout == f"datacheck {datacheck.__version__}\n"


def _read(terminal):
    """Return what was written to a terminal, or nothing once its other end is closed."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def test_progress_is_drawn_on_a_terminal_only(damaged):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 100))
    with subprocess.Popen(
        [sys.executable, "-m", "datacheck", "scan", damaged.name],  # a long path would leave no room for the bar
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        cwd=damaged.parent,
    ) as process:
        os.close(theirs)
        drawn = b"".join(iter(lambda: _read(ours), b"")).decode()
        said = process.stdout.read()
    os.close(ours)
    assert "records" in drawn
    assert "damaged" in drawn
    assert "NOT CLEAN" in said
    assert run("scan", damaged).stderr == ""


def test_an_interrupt_stops_everything_at_once_and_reports(tmp_path):
    big = write_lmdb(
        tmp_path / "big", {key(number): datum(pictures()[number % 8], 1, encoded=True) for number in range(40_000)}
    )
    with subprocess.Popen(
        [sys.executable, "-m", "datacheck", "scan", big, "--format", "json", "--report", tmp_path / "r.jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        growing = tmp_path / "r.jsonl.partial"
        while not (growing.exists() and growing.stat().st_size):  # empty until records are read
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        said, complaints = process.communicate(timeout=300)
    assert (process.returncode, complaints) == (130, "")
    assert json.loads(said)["complete"] is False
    assert json.loads((tmp_path / "r.jsonl").read_text().splitlines()[-1])["complete"] is False
    assert not (tmp_path / "r.jsonl.partial").exists()


def test_show_a_record(damaged, tmp_path):
    before = fingerprint(damaged)
    done = run("show", damaged, "00000003", "--save", tmp_path / "a.npy")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"00000003: datum, {len(raw_records(4)[key(3)])} bytes"
    assert re.match(r"  data: 3x8x8 uint8, min \d+, max \d+, mean [\d.]+, std [\d.]+", lines[1])
    assert lines[2:4] == ["  label: 3", "  nothing wrong"]
    import numpy as np

    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), pixels(3))
    assert run("show", damaged, "00000007").stdout.splitlines()[-1] == "  empty (bad): record: the value has zero bytes"
    assert run("show", damaged, "00000009").returncode == 1
    assert fingerprint(damaged) == before


def test_show_saves_a_picture_as_it_is_stored(tmp_path):
    path = write_lmdb(tmp_path / "env", {key(n): datum(it, 1, encoded=True) for n, it in enumerate(pictures())})
    done = run("show", path, "00000002", "--save", tmp_path / "p.jpg")
    assert "data: JPEG 3x64x64 uint8" in done.stdout
    assert (tmp_path / "p.jpg").read_bytes() == pictures()[2]


def test_show_never_writes_into_the_source(damaged):
    done = run("show", damaged, "00000003", "--save", damaged / "a.npy")
    assert done.returncode == 2
    assert not (damaged / "a.npy").exists()


def test_output_that_nobody_reads_is_no_traceback(damaged):
    done = subprocess.run(
        f"{sys.executable} -m datacheck scan {damaged} --format json | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_the_installed_command_is_there():
    command = Path(sys.executable).with_name("datacheck")
    assert subprocess.run([command, "--version"], capture_output=True, check=True).stdout
