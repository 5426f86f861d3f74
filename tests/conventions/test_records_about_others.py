"""Records about a whole store beside its samples, whose keys no number tells from these."""

import hashlib
import json
import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

WORDS = [
    *("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "kite", "lion"),
    *("mole", "newt", "owl", "pig", "rat", "seal", "toad", "vole", "wolf", "yak", "zebu"),
]
KEYS = {
    "words": [it.encode() for it in WORDS],
    "files": [b"farm/%s.jpg" % it.encode() for it in WORDS],
    "digests": [hashlib.sha1(it.encode()).hexdigest().encode() for it in WORDS],
}
BESIDE = {
    "classes": {b"classes": b'["cat", "dog"]'},
    "statistics": {b"mean": pickle.dumps([0.1, 0.2]), b"std": pickle.dumps([1.0, 2.0])},
    "a mapping": {b"label_map": json.dumps(dict.fromkeys(WORDS, 1)).encode()},
    "a text": {b"about": b"Pictures of animals, taken in 2019."},
}


def pictures(keys=KEYS["files"]):
    return {key: picture(at) for at, key in enumerate(keys)}


def bad(path):
    return [(it.code, it.key) for it in datacheck.scan(path).findings if it.verdict == "bad"]


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_a_count_may_leave_them_out_or_not(tmp_path, keys, beside):
    for number in (len(keys), len(keys) + len(beside)):
        records = pictures(keys) | beside | {b"num_samples": b"%d" % number}
        assert bad(write(tmp_path / f"of {number}", records)) == []


@pytest.mark.parametrize("by", [-1, 2])
def test_a_count_that_is_not_true(tmp_path, by):
    records = pictures() | BESIDE["classes"] | {b"num_samples": b"%d" % (len(WORDS) + by)}
    assert bad(write(tmp_path / "store", records)) == [("count", None)]


def test_a_copy_counts_its_samples(tmp_path):
    cut = {KEYS["files"][3]: picture(3)[:90]}
    records = pictures() | BESIDE["statistics"] | {b"num_samples": b"%d" % len(WORDS)} | cut
    datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"num_samples"] == b"%d" % (len(WORDS) - 1)
    assert bad(tmp_path / "copy") == []


def test_a_list_need_not_name_them(tmp_path):
    keys = pickle.dumps(KEYS["files"])
    records = pictures() | BESIDE["classes"] | {b"__keys__": keys}
    assert datacheck.scan(write(tmp_path / "store", records)).counts.get("count") is None
    more = records | {b"farm/more.jpg": picture(99)}
    assert datacheck.scan(write(tmp_path / "more", more)).counts["count"] == 1


@pytest.mark.parametrize("key", [b"about", b"README.md", b"license", b"dataset_version", b"created_at"])
def test_a_text_about_the_store_is_none_of_its_pictures(tmp_path, key):
    records = pictures(KEYS["words"]) | {key: b"version 2, from 2019"}
    assert datacheck.scan(write(tmp_path / "store", records)).counts == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"crow", b"Pictures of animals, taken in 2019."),
        (b"about", b"\x00\x01\x02\x03"),
        (b"source", b"<html><title>404</title></html>"),
        (b"notes", b"Access denied"),
    ],
)
def test_what_lies_in_the_place_of_a_picture_is_bad(tmp_path, key, value):
    assert bad(write(tmp_path / "store", pictures(KEYS["words"]) | {key: value})) == [("undecodable", key.decode())]


@pytest.mark.parametrize("dump", [pickle.dumps, lambda it: json.dumps(it).encode()])
def test_a_text_about_the_store_beside_other_records(tmp_path, dump):
    records = {key: dump({"x": [at / 3, 1.5], "id": "a"}) for at, key in enumerate(KEYS["words"])}
    assert datacheck.scan(write(tmp_path / "store", records | {b"about": b"pictures of things"})).counts == {}


def test_statistics_of_the_samples_own_form(tmp_path):
    records = {key: pickle.dumps([at / 7, 2.5]) for at, key in enumerate(KEYS["digests"])} | BESIDE["statistics"]
    assert bad(write(tmp_path / "store", records | {b"num_samples": b"%d" % len(WORDS)})) == []


def test_words_of_a_vocabulary_are_samples(tmp_path):
    words = [*KEYS["words"], b"label", b"index", b"color"]
    records = {key: pickle.dumps([at / 7, 2.5]) for at, key in enumerate(words)}
    assert bad(write(tmp_path / "sound", records | {b"num_samples": b"%d" % len(words)})) == []
    assert bad(write(tmp_path / "stale", records | {b"num_samples": b"%d" % len(WORDS)})) == [("count", None)]


@pytest.mark.parametrize(("left", "said", "told"), [(40, 40, []), (39, 40, ["suspicious"]), (40, 41, ["suspicious"])])
def test_a_count_of_numbers_that_the_records_about_them_make_true(tmp_path, left, said, told):
    """Either the last sample is lost, or the count is that of all records: only the loader knows."""
    store = {b"%06d" % at: picture(at) for at in range(left)} | BESIDE["classes"] | {b"num_samples": b"%d" % said}
    findings = datacheck.scan(write(tmp_path / "store", store)).findings
    assert [it.verdict for it in findings if it.code == "count"] == told
