"""Test datacheck as a stage before training, through a real make, a shell and Python."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from building import key, raw_records, write_lmdb

ROOT = Path(__file__).parents[1]


def run(command, cwd):
    (cwd / "caffe").write_text("#!/bin/sh\ntouch trained\n")
    (cwd / "caffe").chmod(0o755)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{cwd}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def block(page, language):
    return re.search(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)[1]


@pytest.fixture(params=["clean", "damaged"])
def data(request, tmp_path):
    records = raw_records(40)
    if request.param == "damaged":
        records[key(4)] = b""
    write_lmdb(tmp_path / "train_lmdb", records)
    return tmp_path, request.param == "clean"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("page", ["README.md", "docs/ci.md"])
def test_the_makefile_trains_on_clean_data_only(data, page):
    home, clean = data
    (home / "Makefile").write_text(block(page, "make"))
    done = run(["make"], home)
    assert (done.returncode == 0) == clean
    assert (home / "trained").exists() == clean
    assert ((home / "clean.json").exists(), (home / "bad.json").exists()) == (clean, not clean)
    assert ("00000004" in done.stdout) == (not clean)


def test_the_shell_lines_train_on_clean_data_only(data):
    home, clean = data
    done = run(["sh", "-c", block("docs/ci.md", "sh")], home)
    assert (done.returncode == 0) == clean
    assert (home / "trained").exists() == clean


def test_a_python_script_without_a_main_guard(data):
    home, clean = data
    (home / "train.py").write_text(
        "import datacheck\ndatacheck.scan('train_lmdb', workers=2).require_clean()\nopen('trained', 'w').close()\n"
    )
    done = run([sys.executable, "train.py"], home)
    assert (home / "trained").exists() == clean
    assert ("NotClean" in done.stderr) == (not clean)
