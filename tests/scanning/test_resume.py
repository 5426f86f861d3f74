"""A scan that was interrupted or killed goes on where it stopped, and its report is that of one that was not."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import plyvel
import pytest
from building import datum, floats, key, write_lmdb
from killed_scans import Here, options, sources

import datacheck
from datacheck.reporting import files

PROGRAM = Path(__file__).parents[1] / "killed_scans.py"
TIMES = ("started", "seconds")


def value(number):
    """Return a record: every 7th has a NaN, every 50th is cut short."""
    array = floats(number)
    if number % 7 == 3:
        array[0, 1, number % 4] = np.nan
    raw = datum(array, number % 10)
    return raw[: len(raw) // 2] if number % 50 == 20 else raw


def build_lmdb(path):
    write_lmdb(path, {key(number): value(number) for number in range(300)})
    write_lmdb(Path(f"{path}2"), {b"img-%06d" % number: value(number) for number in range(0, 500, 2)})


def build_hdf5(path):
    path.mkdir()
    for number in range(12):
        with h5py.File(path / f"{number:02}.h5", "w") as file:
            rows = np.stack([floats(row + number) for row in range(20)])
            rows[number, 0, 1, 2] = np.nan
            file["data"] = rows
            file["label"] = np.arange(20) % 10


def build_leveldb(path):
    database = plyvel.DB(str(path), create_if_missing=True, compression=None, write_buffer_size=1 << 20)
    for number in range(1200):
        big = np.concatenate([floats(number, (2, 30, 30)).ravel()])
        if number % 100 == 9:
            big[5] = np.inf
        database.put(key(number), datum(big.reshape(2, 30, 30), number % 10))
    database.close()


BUILD = {"lmdb": build_lmdb, "hdf5": build_hdf5, "leveldb": build_leveldb}


def without_times(text):
    """Return the lines of a report without what differs from one run to the next."""

    def stripped(value):
        if isinstance(value, dict):
            return {name: stripped(it) for name, it in value.items() if name not in TIMES}
        return list(map(stripped, value)) if isinstance(value, list) else value

    return [stripped(json.loads(line)) for line in text.splitlines()]


@pytest.mark.parametrize(("kind", "kills"), [("lmdb", 50), ("hdf5", 15), ("leveldb", 10)])
def test_a_scan_that_is_killed_again_and_again_comes_to_the_same_report(tmp_path, kind, kills):
    store = tmp_path / "store"
    BUILD[kind](store)
    whole = tmp_path / "whole.jsonl"
    datacheck.scan(sources(kind, str(store)), engine=Here, reports=[whole], workers=1, **options(kind))
    expected = without_times(whole.read_text())
    assert len(expected) > 12

    report = tmp_path / "r.jsonl"
    done = subprocess.run(
        [sys.executable, PROGRAM, kind, store, report, str(kills), "7"],
        capture_output=True,
        text=True,
        timeout=300,
        env={"PYTHONPATH": str(PROGRAM.parent), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    reports = sorted(tmp_path.glob("r.jsonl.*"))
    assert len(reports) == int(done.stdout)
    for report in reports:
        assert without_times(report.read_text()) == expected
