"""Test keys that are alike up to their first number and differ after it: families that the probes may not show."""

import pytest
from building import write_lmdb

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.scanning.keys import further_keys as module
from datacheck.scanning.keys.further_keys import further_keys

LARGE = b"x" * 3000


def store(tmp_path, **families):
    records = {key.encode() % at: value for key, value in families.items() for at in range(300)}
    return LmdbReader(write_lmdb(tmp_path / "env", records))


def beginnings(keys):
    return {key[:-5] for key in keys}


FAMILIES = {
    "versions": {"v1_image_%05d": LARGE, "v1_text_%05d": b"a word"},
    "sizes": {"8-%05d": b"tiny", "16-%05d": b"small", "256-%05d": LARGE},
    "runs": {"run 2/a/%05d": LARGE, "run 2/b/%05d": LARGE, "run 2/c/%05d": b"few"},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_some_keys_of_each_are_found(tmp_path, name):
    families = FAMILIES[name]
    assert beginnings(further_keys(store(tmp_path, **families), "")) == {it[:-4].encode() for it in families}


@pytest.mark.parametrize("keys", [["%05d_image 1", "%05d_text 1"], ["%032x"], ["%05d"], ["of %d/%05d"]])
def test_records_that_differ_in_their_first_number_take_a_few_looks(tmp_path, monkeypatch, keys):
    looks = []
    read = module._keys
    monkeypatch.setattr(module, "_keys", lambda *words: looks.append(words) or read(*words))
    names = [key % ((at * 2654435761,) if "x" in key else (at,) * key.count("%")) for key in keys for at in range(300)]
    further_keys(LmdbReader(write_lmdb(tmp_path / "env", dict.fromkeys(map(str.encode, names), b"x"))), "")
    assert len(looks) <= 24


def test_texts_behind_the_same_number_make_samples_with_the_pictures(tmp_path):
    records = {b"v1_image_%06d" % at: b'{"x": [%d, 0.5]}' % at + b" " * 1500 for at in range(4000)}
    records |= {b"v1_text_%06d" % at: b'{"t": "a word"}' for at in range(4000)} | {b"length": b"4000"}
    assert datacheck.scan(write_lmdb(tmp_path / "env", records)).groups == 4000
