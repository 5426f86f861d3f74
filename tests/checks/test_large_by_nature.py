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


def test_targets_of_a_regression_are_labels_and_no_inputs(tmp_path):
    made = {key: pickle.loads(it) for key, it in samples(np.arange(COUNT)).items()}
    values = {key: pickle.dumps(it | {"label": 250_000.5 + it["time"]}) for key, it in made.items()}
    assert said(write(tmp_path / "store", values)) == []


def test_infinite_values_are_not_large_ones(tmp_path):
    values = {b"%08d" % at: pickle.dumps({"x": np.array([at / COUNT, np.inf, 0.5])}) for at in range(COUNT)}
    assert {code for _, _, code in said(write(tmp_path / "store", values))} == {"inf"}


def test_a_check_that_the_caller_passes_names_the_field_too(tmp_path):
    source = write(tmp_path / "store", samples(1.7e9 + np.arange(COUNT)))
    assert said(source, checks=["finite"], validators=[datacheck.HalfOverflow()]) == [(None, "time", "half-overflow")]
    constant = {b"%08d" % at: pickle.dumps({"x": np.ones(40)}) for at in range(COUNT)}
    source = write(tmp_path / "constant", constant)
    assert said(source, checks=["finite"], validators=[datacheck.Constant()]) == [(None, "x", "constant")]
