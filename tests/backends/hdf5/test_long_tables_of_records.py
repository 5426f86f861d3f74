"""Tables beside an HDF5 file that name more missing records than are kept are compared by an estimate."""

import csv

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store
from datacheck.backends.hdf5.folders import record_lists


@pytest.fixture(autouse=True)
def few_are_kept(monkeypatch):
    monkeypatch.setattr(record_lists, "MOST_MISSING", 3)
    monkeypatch.setattr(record_lists, "SAMPLED", 9)


def told(folder, names, listed, rows=None):
    """Return the findings of a file with records of these names, or of so many rows of a bucket, beside a table."""
    with h5py.File(folder / "merge.hdf5", "w") as file:
        for name in names:
            file[name] = np.random.default_rng(0).normal(size=(6, 3))
        if rows:
            file["bucket0"] = np.random.default_rng(0).normal(size=(rows, 3, 8))
    with (folder / "merge.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["trace_name", "snr"], *([it, "7.5"] for it in listed)])
    forget_walks()
    layout = open_store(folder / "merge.hdf5").layout_at_risk()
    return [(it.verdict, it.message) for it in layout.findings if it.code == "missing"]


NAMES = [f"B0{at}_EV" for at in range(100)]


def test_more_missing_records_than_are_kept_are_estimated(tmp_path):
    ((verdict, message),) = told(tmp_path, NAMES, [*NAMES, *(f"C{at}_EV" for at in range(8))])
    assert (verdict, "and about 4 more" in message, "C0_EV" in message) == ("suspicious", True, True)


def test_names_that_come_several_times_are_estimated_as_one(tmp_path):
    listed = [it for name in (*NAMES, *(f"C{at}_EV" for at in range(8))) for it in (name, name)]
    ((verdict, message),) = told(tmp_path, NAMES, listed)
    assert (verdict, "and about 4 more" in message) == ("suspicious", True)


def test_missing_rows_of_buckets_are_bad(tmp_path):
    ((verdict, message),) = told(tmp_path, [], [f"bucket0${at},:3,:8" for at in range(20)], rows=12)
    assert (verdict, "bucket0$12" in message, "and about 4 more" in message) == ("bad", True, True)


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        (NAMES, [*NAMES, *(f"C{at}_EV" for at in range(12))]),
        (map(str, range(100)), [*map(str, range(108))]),
        (map(str, range(0, 300, 3)), [*map(str, range(0, 300, 3)), "1", "2", "4", "5", "999", "7"]),
        (NAMES, [*NAMES, *(f"C{at}_EV" for at in range(3))] + ["C1_EV"] * 9),
    ],
    ids=["another file's", "numbers behind the last", "one number behind the last", "as many as are kept"],
)
def test_a_table_of_other_things_is_not_compared(tmp_path, names, listed):
    """Only the last table is compared, without an estimate: each different name counts once, so all are kept."""
    found = told(tmp_path, names, listed)
    assert [it for it in found if "about" in it[1]] == []
    assert len(found) == (listed[-1] == "C1_EV")
