"""Test stores of more databases than are probed for the profile, each of which keeps a count of its records."""

import lmdb
import numpy as np
import pytest

import datacheck
from datacheck.backends.lmdb.reader import MOST_PROBED
from datacheck.scanning.keys import brief

COUNT, FRAMES = MOST_PROBED + 60, 20
WRONG = "clip0010"
"""A database that is not probed, nor examined briefly if only 20 of the 60 are."""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "env"
    numbers = np.random.default_rng(0).standard_normal((COUNT, FRAMES, 4)).astype("f4")
    with (
        lmdb.open(str(path), map_size=1 << 27, max_dbs=COUNT + 1, sync=False) as environment,
        environment.begin(write=True) as transaction,
    ):
        for number in range(COUNT):
            name = f"clip{number:04d}"
            database = environment.open_db(name.encode(), txn=transaction)
            for frame in range(FRAMES):
                transaction.put(b"%06d" % frame, numbers[number, frame].tobytes(), db=database)
            transaction.put(b"length", b"%d" % (FRAMES + (name == WRONG)), db=database)
    return path


def test_a_count_in_a_database_that_is_not_probed_is_no_sample_and_is_compared(store, monkeypatch):
    monkeypatch.setattr(brief, "PARTS_A_TASK", 7)
    report = datacheck.scan(store, array=["f4:4"])
    assert report.complete
    assert [(it.code, it.database) for it in report.findings] == [("count", WRONG)]


def test_a_count_in_a_database_that_nobody_looked_into_is_no_sample_but_undecided(store, monkeypatch):
    monkeypatch.setattr(brief, "MOST_BRIEF", 20)
    report = datacheck.scan(store, array=["f4:4"])
    assert [(it.code, it.verdict) for it in report.findings] == [("unsupported", "unverifiable")]
    assert report.findings[0].details["count"] == 40
    assert report.status == 3
