"""Test `datacheck explain` and `datacheck doctor`."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

import datacheck
from datacheck.cli.entry import cli
from datacheck.model.codes import CODES
from datacheck.model.explanations import EXPLANATIONS
from datacheck.showing.machine import LIBRARIES


def run(*args):
    return CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code):
    done = run("explain", code)
    assert done.return_value == 0
    head, what, why, mend = done.output.splitlines()
    assert head == f"{code} ({CODES[code][0]}): {CODES[code][1]}"
    assert [it.split(":", 1)[1].strip() for it in (what, why, mend)] == list(EXPLANATIONS[code])


def test_several_codes_and_all_of_them():
    assert len(run("explain", "nan", "inf").output.split("\n\n")) == 2
    lines = run("explain").output.splitlines()
    assert [line.split()[0] for line in lines] == list(CODES)


def test_a_code_that_there_is_not_is_answered_with_the_nearest():
    done = run("explain", "truncatd")
    assert isinstance(done.exception, datacheck.UsageError)
    assert "did you mean 'truncated'?" in str(done.exception)


def test_the_doctor_names_all_that_there_is_and_what_is_missing():
    done = run("doctor")
    assert done.return_value == 0, done.output
    said = done.output
    assert said.startswith(f"datacheck {datacheck.__version__}, Python ")
    assert all(f"  {library.name}" in said for library in LIBRARIES)
    for title in ("HDF5 filters", "limits", "missing"):
        assert f"\n{title}\n" in said
    assert "installed: gzip, shuffle, fletcher32" in said
    assert "cores: " in said


def test_the_doctor_survives_what_is_broken(tmp_path):
    (tmp_path / "cramjam.py").write_text("raise OSError('wrong ELF class')")
    (tmp_path / "xxhash.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "datacheck", "doctor"], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "cramjam is installed and cannot be loaded: OSError: wrong ELF class" in done.stdout
    assert "xxhash is installed and cannot be loaded: loading it ends the process with SIGILL" in done.stdout
    assert "(the library itself is" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_doctor_says_how_to_get_what_is_missing(monkeypatch):
    from datacheck.showing import machine

    there = machine.version_of
    monkeypatch.setattr(machine, "version_of", lambda it: None if it.name in ("plyvel", "numpy") else there(it))
    done = run("doctor")
    assert done.return_value == 2
    assert "plyvel: writing LevelDB; reading needs nothing: pip install 'datacheck-ml[leveldb]'" in done.output
    assert "numpy: arrays: pip install numpy (required)" in done.output
