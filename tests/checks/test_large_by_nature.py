"""Values beyond float16: once for a field of which most records have such, and for each record otherwise."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
from convention_stores import write

import datacheck

COUNT = 120


def samples(times, odd=()):
    draw = np.random.default_rng(3)
    made = {b"%08d" % at: {"x": draw.normal(size=4), "time": float(time)} for at, time in enumerate(times)}
    for at, name, value in odd:
        made[b"%08d" % at][name] = value
    return {key: pickle.dumps(value) for key, value in made.items()}


def said(source, **options):
    return [(it.key, it.field, it.code) for it in datacheck.scan(source, workers=1, **options).findings]


def test_times_are_named_once(tmp_path):
    source = write(tmp_path / "store", samples(1.7e9 + np.arange(COUNT)))
    assert said(source) == [(None, "time", "half-overflow")]
    assert said(source, checks=["finite", "range"]) == []


def test_a_record_that_alone_has_such_a_value_is_named(tmp_path):
    odd = [(50, "x", np.array([1.0, 2.0, 7e4, 1.0]))]
    assert said(write(tmp_path / "store", samples(np.arange(COUNT), odd))) == [("00000050", "x", "half-overflow")]


def test_what_is_far_beyond_the_others_too_is_named(tmp_path):
    odd = [(50, "time", 3e30)]
    source = write(tmp_path / "store", samples(1.7e9 + np.arange(COUNT), odd))
    assert said(source) == [("00000050", "time", "half-overflow"), (None, "time", "half-overflow")]


def test_pressures_in_a_table_are_named_once(tmp_path):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file["pressure"] = np.random.default_rng(1).normal(101_325, 500, (COUNT, 6)).astype("f4")
        file["wind"] = np.random.default_rng(2).normal(0, 5, (COUNT, 6)).astype("f4")
    assert said(tmp_path / "store.h5") == [(None, "pressure", "half-overflow")]
