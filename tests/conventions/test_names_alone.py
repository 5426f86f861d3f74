"""Keys that look like a count or like parts of samples by their names alone, and may be something else."""

from __future__ import annotations

import lmdb
import numpy as np
import pytest

import datacheck

DRAW = np.random.default_rng(11)
COUNT = 200


def write(path, records):
    with lmdb.open(str(path), map_size=1 << 26) as env, env.begin(write=True) as txn:
        for key, value in records.items():
            txn.put(key, value)
    return path


def arrays(pattern, count=COUNT):
    return {pattern % at: DRAW.normal(size=16).astype("f4").tobytes() for at in range(count)}


def said(path, records, code):
    report = datacheck.scan(write(path, records), array="f4:16", workers=1)
    return {it.verdict for it in report.findings if it.code == code}


@pytest.mark.parametrize(
    ("name", "number", "verdicts"),
    [
        (b"length", 200, set()),
        (b"length", 201, {"bad"}),
        (b"length", 190, {"bad"}),
        (b"length", 300, {"bad"}),
        (b"length", 128, {"suspicious"}),
        (b"len", 512, {"suspicious"}),
        (b"num_samples", 128, {"bad"}),
        (b"__len__", 512, {"bad"}),
    ],
)
def test_a_length_that_is_far_from_the_records_may_be_one_of_something_else(tmp_path, name, number, verdicts):
    assert said(tmp_path / "a", arrays(b"%08d") | {name: b"%d" % number}, "count") == verdicts


def test_a_length_that_fits_the_last_number_is_the_number_of_records(tmp_path):
    records = arrays(b"%08d")
    for at in range(40, 100):
        del records[b"%08d" % at]
    assert "bad" in said(tmp_path / "a", records | {b"length": b"200"}, "dangling") | said(
        tmp_path / "b", records | {b"length": b"199"}, "count"
    )


SETS = [(b"cats/%06d", b"dogs/%06d"), (b"pos_%06d", b"neg_%06d"), (b"trainA_%06d", b"trainB_%06d")]


@pytest.mark.parametrize(("one", "other"), SETS)
def test_two_sets_that_are_numbered_alike_are_no_samples_for_certain(tmp_path, one, other):
    records = arrays(one) | arrays(other, COUNT - 1)
    assert said(tmp_path / "end", records, "unpaired") == {"suspicious"}
    records = arrays(one) | arrays(other)
    del records[other % 77]
    assert said(tmp_path / "within", records, "unpaired") == {"bad"}


def test_the_last_sample_of_what_is_called_parts_is_still_bad(tmp_path):
    records = arrays(b"image-%06d") | arrays(b"label-%06d", COUNT - 1)
    assert said(tmp_path / "a", records, "unpaired") == {"bad"}
