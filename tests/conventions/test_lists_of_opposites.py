"""Two lists of one length that are pairs, or classes that exclude each other."""

import json

import pytest
from convention_stores import read, write

import datacheck

KEYS = [f"rec{at * 3:04}" for at in range(60)]
FIRST, SECOND = KEYS[:30], KEYS[30:]


def rebuilt(tmp_path, lists):
    records = {key.encode(): json.dumps({"x": [at / 7, 1.5]}).encode() for at, key in enumerate(KEYS)}
    records |= {key: json.dumps(value).encode() for key, value in lists.items()} | {KEYS[7].encode(): b'{"x": [1'}
    receipt = datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert datacheck.scan(tmp_path / "copy").counts == {}
    copy = read(tmp_path / "copy")
    return {key: json.loads(copy[key]) for key in lists}, receipt.unkept


@pytest.mark.parametrize("names", [("pos", "neg"), ("real_images", "fake_images"), ("normal", "anomaly")])
def test_of_classes_that_exclude_each_other_only_the_key_goes(tmp_path, names):
    made, unkept = rebuilt(tmp_path, {b"splits": dict(zip(names, (FIRST, SECOND), strict=True))})
    assert list(made[b"splits"].values()) == [[it for it in FIRST if it != KEYS[7]], SECOND]
    assert not any("partner" in it for it in unkept)


PAIRS = {
    "within": ({b"splits": {"anchor": FIRST, "neg": SECOND}}, "anchor, neg in splits"),
    "unknown names": ({b"splits": {"one": FIRST, "two": SECOND}}, "one, two in splits"),
    "beside": ({b"left_keys": FIRST, b"right_keys": SECOND}, "left_keys, right_keys"),
}


@pytest.mark.parametrize(("lists", "name"), PAIRS.values(), ids=PAIRS)
def test_of_pairs_the_partner_goes_and_a_receipt_says_so(tmp_path, lists, name):
    made, unkept = rebuilt(tmp_path, lists)
    left = [it for of in made.values() for it in (of.values() if isinstance(of, dict) else [of])]
    assert [len(it) for it in left] == [29, 29]
    assert [it for it in unkept if "partner" in it] == [
        f"the partner of a key that goes, in the lists {name}: they are taken for pairs, place by place"
    ]
