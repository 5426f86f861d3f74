"""A label that is None in a pair of a picture and a number, or that is no whole number where all others are."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import picture, write

import datacheck

ODD = b"00000007"


def found(path, dump, label, count=40, of=lambda at: at % 5):
    records = {b"%08d" % at: dump(at, of(at)) for at in range(count)} | {ODD: dump(7, label)}
    return [(it.code, it.verdict, it.key, it.field) for it in datacheck.scan(write(path, records)).findings]


def paired(at, label):
    return pickle.dumps((picture(at), label))


def array_and(at, label):
    return pickle.dumps([np.random.default_rng(at).random((2, 3)), label])


def named(at, label):
    return pickle.dumps({"x": np.random.default_rng(at).random(4), "y": label})


def in_json(at, label):
    return json.dumps({"x": [at / 7, 1.5], "label": label}).encode()


@pytest.mark.parametrize("dump", [paired, array_and])
def test_none_in_the_place_of_a_pairs_label_is_no_label(tmp_path, dump):
    assert found(tmp_path / "store", dump, None) == [("label", "bad", ODD.decode(), "[1]")]
    assert found(tmp_path / "sound", dump, 3) == []


def test_a_pair_of_texts_has_no_label(tmp_path):
    def dump(at, label):
        return pickle.dumps((f"a text {at}", label))

    assert [it[:2] for it in found(tmp_path / "store", dump, None)] == [("fields", "suspicious")]


@pytest.mark.parametrize(("dump", "field"), [(paired, "[1]"), (named, "y"), (in_json, "label")])
def test_a_label_that_is_no_whole_number_where_the_others_are(tmp_path, dump, field):
    assert found(tmp_path / "store", dump, 1.5) == [("fields", "suspicious", ODD.decode(), field)]
    assert found(tmp_path / "whole", dump, 2.0) == []
    assert found(tmp_path / "all", dump, 1.5, of=lambda at: at / 7) == []
