"""Test that the fixes which name a path do so in a form that every report can hold and that a shell can read."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from commanding import datacheck
from linting.test_first_generation import DENSE
from linting.test_started_elsewhere import NET, SOLVER

NAMES = {b"caf\xe9": r"caf\xe9", "café".encode(): "café", b"a\tb": r"a\tb"}


def fix_of(path, home):
    """Return the fix for the only finding in a file, as a report has it."""
    assert datacheck("lint", path, "--report", "r.json", cwd=home).returncode in (1, 3)
    (finding,) = json.loads((home / "r.json").read_text())["findings"]
    return finding["details"]["fix"]


def read_by_a_shell(word):
    return subprocess.run(["sh", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_folder_to_start_in(tmp_path, name):
    below = tmp_path / os.fsdecode(name) / "models" / "small"
    below.mkdir(parents=True)
    (below / "solver.prototxt").write_text(SOLVER)
    (below / "net.prototxt").write_text(NET)
    fix = fix_of(Path(os.fsdecode(name), "models", "small", "solver.prototxt"), tmp_path)
    start, _, word = fix.partition(": add --root ")
    assert start == f"Caffe finds it if it is started in {NAMES[name]}"
    assert read_by_a_shell(word) == name


@pytest.mark.parametrize("name", NAMES)
def test_the_file_to_upgrade(tmp_path, name):
    path = os.fsdecode(name + b".prototxt")
    (tmp_path / path).write_text(DENSE)
    word = fix_of(path, tmp_path).partition("upgrade_net_proto_text ")[2].removesuffix(" new.prototxt")
    assert read_by_a_shell(word) == os.fsencode(path)
