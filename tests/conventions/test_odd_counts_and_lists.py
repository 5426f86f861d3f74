"""Counts and lists as few write them: with a fraction, as a number of NumPy's, with half a character, in two ways."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import load_words, read, word_pictures, write

import datacheck

HALF = '"\\ud800a"'


def lines(key=b"clip %d"):
    return {key % at: json.dumps({"x": [at / 7, 0.5]}).encode() for at in range(60)}


def said(report):
    return [(it.code, it.verdict) for it in report.findings]


def test_half_a_character_in_a_list_of_keys_is_in_no_key(tmp_path):
    keys = ", ".join([HALF, *(f'"clip {at}"' for at in range(60))])
    source = write(tmp_path / "store", lines() | {b"__keys__": f"[{keys}]".encode()})
    assert said(datacheck.scan(source)) == [("dangling", "bad")]
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[b"__keys__"]) == [f"clip {at}" for at in range(60)]


@pytest.mark.parametrize("value", ["[%s]", '{"names": [%s]}', '{"names": [%s], "version": 2}'])
def test_half_characters_in_another_list(tmp_path, value):
    records = lines() | {b"info": (value % ", ".join([HALF] * 4)).encode(), b"clip 7": b'{"x": [1'}
    source = write(tmp_path / "store", records)
    assert said(datacheck.scan(source)) == [("truncated", "bad")]
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True).dropped == 1


@pytest.mark.parametrize("number", [b"60.0", pickle.dumps(60.0)])
def test_a_fraction_counts_nothing(tmp_path, number):
    source = write(tmp_path / "store", lines(b"%d") | {b"num_samples": number})
    assert said(datacheck.scan(source)) == [("count", "bad")]
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert datacheck.scan(tmp_path / "copy").clean


def test_mappings_under_the_name_of_a_count_are_none(tmp_path):
    for at, value in enumerate([b'{"train": 50, "val": 10}', b"[50, 10]"]):
        assert datacheck.scan(write(tmp_path / f"{at}", lines(b"%d") | {b"num_samples": value})).clean


def test_a_true_count_stays_as_it_is_written(tmp_path):
    store = lines(b"%d") | {b"length": pickle.dumps(np.int64(60))}
    receipt = datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert receipt.altered == 0
    assert read(tmp_path / "copy") == store


def test_texts_that_are_numbered_in_two_ways(tmp_path):
    store = word_pictures(60)
    for number in range(1, 31):
        store[b"label-%08d" % number] = store.pop(b"label-%09d" % number)
    source = write(tmp_path / "store", store)
    report = datacheck.scan(source)
    assert (report.convention_names, report.counts) == (["ocr"], {"unpaired": 30})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert len(load_words(tmp_path / "copy")) == 30
