"""Test compiling functions if numba's cache cannot be written, or is damaged."""

import os
import subprocess
import sys

import pytest

from datacheck.decoders.pictures.eyes import installed

if not installed():  # this does not load numba
    pytest.skip("numba is not installed", allow_module_level=True)

MODULE = """
from datacheck.decoders.pictures.compiled import compiled

@compiled
def more(number):
    return number + 1
"""
CALL = "import sys; sys.path[:0] = [sys.argv[1]]; {before}; import small; print(small.more(2))"


def more(folder, before=""):
    (folder / "small.py").write_text(MODULE)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")}
    words = [sys.executable, "-B", "-c", CALL.format(before=before or "pass"), folder]
    done = subprocess.run(words, capture_output=True, text=True, env=env, timeout=300, check=False)
    return done.stdout, done.stderr


def files(folder):
    return [it for it in (folder / "cache").rglob("*") if it.is_file()]


def test_a_disk_that_is_full_keeps_nothing_and_breaks_nothing(tmp_path):
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))"
    assert more(tmp_path, full) == ("3\n", "")
    assert not [it for it in files(tmp_path) if it.suffix in (".nbi", ".nbc")]


def test_files_that_are_damaged_are_as_none(tmp_path):
    assert more(tmp_path) == ("3\n", "")
    kept = files(tmp_path)
    assert kept
    for it in kept:
        it.write_bytes(it.read_bytes()[:40])
    assert more(tmp_path) == ("3\n", "")
