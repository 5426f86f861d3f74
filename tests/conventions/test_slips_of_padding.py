"""A few keys with another number of zeros, or an ending, among many: no loader finds them."""

import pickle

import numpy as np
import pytest
from convention_stores import load_words, read, word_pictures, write

import datacheck
from datacheck.conventions.keys.numbered_keys import patterns


def arrays(count=60, key="%05d"):
    made = {}
    for at in range(count):
        made[(key % at).encode()] = pickle.dumps({"x": np.random.default_rng(at).normal(size=8).astype("f4")})
    return made | {b"length": b"%d" % count}


def load(path):
    store = read(path)
    return [store[b"%05d" % at] for at in range(int(store[b"length"]))]


SLIPS = {"bare": b"12", "shorter": b"0012", "longer": b"0000012", "with an ending": b"00012.jpg"}


@pytest.mark.parametrize("slip", SLIPS)
def test_the_number_that_a_loader_asks_for_is_not_there(tmp_path, slip):
    records = arrays()
    records[SLIPS[slip]] = records.pop(b"00012")
    source = write(tmp_path / "store", records)
    report = datacheck.scan(source)
    assert [(it.key, it.code, it.verdict) for it in report.findings] == [(None, "dangling", "bad")]
    assert "has no 00012" in report.findings[0].message
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert len(load(tmp_path / "copy")) == 59
    assert datacheck.scan(tmp_path / "copy").clean


@pytest.mark.parametrize("slip", [b"image-00000012", b"image-12", b"label-0000000012"])
def test_a_picture_without_its_text(tmp_path, slip):
    records = word_pictures()
    name = slip.split(b"-")[0]
    records[slip] = records.pop(name + b"-000000012")
    source = write(tmp_path / "store", records)
    report = datacheck.scan(source)
    assert report.convention_names == ["ocr"]
    (finding,) = report.findings
    assert (finding.code, finding.verdict) == ("unpaired", "bad")
    assert finding.details["missing"] == [f"{name.decode()}-000000012"]
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert len(load_words(tmp_path / "copy")) == 59


@pytest.mark.parametrize("key", ["%05d", "%d", "%02d", "%09d"])
def test_keys_of_one_form_are_sound(tmp_path, key):
    assert datacheck.scan(write(tmp_path / "store", arrays(120, key))).clean


def test_numbers_of_many_forms_have_no_pattern():
    mixed = [b"%05d" % at for at in range(40)] + [b"%04d" % at for at in range(30)]
    assert patterns(mixed) == {}
    assert [(it.width, count) for it, count in patterns([*mixed[:40], b"7", b"0003"]).items()] == [(5, 40)]
    assert patterns([b"001", b"002", b"03"]) == {}, "of so few there is no telling which is the slip"
