"""A rebuild from a report and `show` know of a store's conventions what the scan knew."""

import pickle

import lmdb
import numpy as np

import datacheck
from datacheck.scanning.keys.keeping import recognise
from datacheck.scanning.profile.probing import take_profile
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import Job, TakeLayout, run_one
from datacheck.workers.pool import Pool
from datacheck.workers.templates import WORKER_BYTES

BLOCKS, PAIRS = 128, 8
A_PAGE = 63
"""Records of this size that a page holds."""


def letters(number, count=4):
    return bytes(ord("a") + number // 26**at % 26 for at in reversed(range(count)))


def keys():
    """Yield keys of which each page begins with those of samples, and goes on with others that look like none."""
    for block in range(BLOCKS):
        for pair in range(PAIRS):
            yield letters(block) + b"a" + letters(pair, 1) + b"/color"
            yield letters(block) + b"a" + letters(pair, 1) + b"/depth"
        for other in range(A_PAGE - 2 * PAIRS):
            yield letters(block) + b"z" + letters(other, 7)


def store(path, bad):
    with lmdb.open(str(path), map_size=1 << 26) as environment, environment.begin(write=True) as transaction:
        for at, key in enumerate(keys()):
            values = np.random.default_rng(at).normal(size=3).astype("f4")
            value = pickle.dumps([float("nan") if key == bad else 1.5, *map(float, values[:2]), ""], 2)
            transaction.put(key, value, append=True)
    return path


BAD = letters(50) + b"ac/color"


def test_the_keys_of_the_profile_are_not_those_of_more_records(tmp_path):
    """Were they the same, the test below would show nothing."""
    reader = datacheck.open_store(store(tmp_path / "env", BAD))
    with Pool(Job(reader, make()), 1, WORKER_BYTES) as pool:
        layout = run_one(pool, TakeLayout())
        taken = take_profile(pool, layout)
        by_profile = recognise(pool, layout, taken)
        more = recognise(pool, layout, datacheck.scanning.profile.taking.Taken(taken.profile))
    assert by_profile != more


def test_a_rebuild_from_a_report_drops_what_a_rebuild_drops(tmp_path):
    source = store(tmp_path / "env", BAD)
    report = datacheck.scan(source, reports=[tmp_path / "report.json"])
    assert report.groups == BLOCKS * PAIRS
    plain = datacheck.rebuild(source, tmp_path / "one", drop_bad=True)
    resting = datacheck.rebuild(source, tmp_path / "two", drop_bad=True, from_report=tmp_path / "report.json")
    assert plain.dropped == resting.dropped == 2
    assert plain.digests == resting.digests
