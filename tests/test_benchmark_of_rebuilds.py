"""Test the benchmark of rebuilds at a very small scale: that it runs, what it prints and writes, but no figure."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "benchmarks"


def run(tmp_path, *words, path=None):
    small = ["--gigabytes", "0.001", "--rounds", "2", "--settle", "0", "--folder", tmp_path]
    words = [sys.executable, "rebuild.py", *small, *words]
    environment = {**os.environ, "PATH": os.environ["PATH"] if path is None else str(path)}
    return subprocess.run(words, cwd=HERE, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.writes_leveldb
def test_each_side_has_its_least_and_its_median(tmp_path):
    done = run(tmp_path, "leveldb-raw", "--json", tmp_path / "it.json")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("| leveldb-raw | ")]
    document = json.loads((tmp_path / "it.json").read_text())
    assert "cores" in document["machine"]
    for side in ("tool", "datacheck"):
        took = document["rows"]["leveldb-raw"][side]
        assert 0 < took["wall"] <= took["wall_median"]
        assert 0 < took["cpu"] <= took["cpu_median"]
    assert [it.name for it in tmp_path.iterdir()] == ["it.json"]


def stand_in(path):
    """Write a tool that copies a file, under any name."""
    path.write_text(f"#!{sys.executable}\nimport shutil, sys\nshutil.copyfile(*sys.argv[1:])\n")
    path.chmod(0o755)


def test_rows_with_bad_ones_are_rebuilt_without_them(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "work").mkdir()
    stand_in(tmp_path / "tools/h5repack")
    done = run(
        tmp_path / "work", "hdf5-gzip", "hdf5-dropped", "--gigabytes", "0.008", "--rounds", "1", path=tmp_path / "tools"
    )
    assert done.returncode == 0, done.stderr
    assert [line.split(" | ")[0] for line in done.stdout.splitlines() if line.startswith("| hdf5-")] == [
        "| hdf5-gzip",
        "| hdf5-dropped",
    ]


def test_a_tool_that_is_not_there_is_named(tmp_path):
    done = run(tmp_path, "lmdb-raw", "hdf5-contiguous", path=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "lmdb-raw: left out, mdb_copy is not installed (Debian: lmdb-utils)" in done.stdout
    assert "hdf5-contiguous: left out, h5repack is not installed (Debian: hdf5-tools)" in done.stdout


def test_an_unknown_row_is_refused(tmp_path):
    done = run(tmp_path, "lmdb-rau")
    assert done.returncode == 2
    assert "no such row: lmdb-rau" in done.stderr
