"""Keys that are digests have numbers in them, and no pattern: what is watched of them stays little."""

import hashlib

from convention_stores import picture, write

import datacheck
from datacheck.conventions.interface import StoreView
from datacheck.conventions.keys.numbered_keys import patterns
from datacheck.conventions.recognising import recognised


def view(keys, **values):
    kept = {name.encode(): value for name, value in values.items()}
    return StoreView(patterns(keys), kept.get, lambda name: None, keys)


def digests(count):
    return {hashlib.md5(b"%d" % number).hexdigest().encode() for number in range(count)}


def test_few_patterns_are_watched():
    for keys in (digests(300), digests(5000)):
        for values in ({}, {"length": b"5000"}):
            assert sum(len(it.parts) for it in recognised(view(keys, **values))) < 20


def test_a_count_of_such_records(tmp_path):
    records = {key: picture(number, (8, 8)) for number, key in enumerate(sorted(digests(50)))}
    assert datacheck.scan(write(tmp_path / "sound", records | {b"length": b"50"})).status == 0
    assert datacheck.scan(write(tmp_path / "stale", records | {b"length": b"60"})).counts == {"count": 1}


def test_a_part_that_few_samples_have_is_known_by_its_name():
    keys = {b"%s-%09d" % (name, number) for name in (b"image", b"label") for number in range(1, 2000)}
    (made,) = recognised(view(keys | {b"lexicon-000000007"}, **{"num-samples": b"1999"}))
    assert [str(it) for it in made.parts] == ["image-#", "label-#", "lexicon-#"]
