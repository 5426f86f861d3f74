"""Test times that are often missing on purpose, as those of events that have not happened yet."""

import pickle

import numpy as np
from building import key, write_lmdb

from datacheck import scan

COUNT = 40


def findings(missing, path):
    """Return the findings about records of which those in `missing` have no second time."""
    values = {}
    for at in range(COUNT):
        times = np.array(["2026-01-01", "NaT" if at in missing else "2026-02-01"], "M8[D]")
        values[key(at)] = pickle.dumps({"times": times, "x": 0.5 * at})
    report = scan(write_lmdb(path, values), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


def test_times_that_many_records_lack_are_sound(tmp_path):
    assert findings(range(0, COUNT, 4), tmp_path / "many") == []
    assert findings([7], tmp_path / "one") == [("00000007", "times", "nan", "suspicious")]
