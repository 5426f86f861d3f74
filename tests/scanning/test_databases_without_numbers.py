"""Test telling apart databases whose keys have no numbers: pictures in one, and their labels under the same keys."""

import hashlib
import struct

import lmdb
import pytest
from building import pictures

import datacheck

PICTURES = pictures()
COUNT = 120
KEYS = {
    "low byte first": lambda at: struct.pack("<Q", at),
    "high byte first": lambda at: struct.pack(">I", at),
    "digest": lambda at: hashlib.md5(b"%d" % at, usedforsecurity=False).hexdigest().encode(),
    "words": lambda at: "".join(chr(ord("a") + int(it)) for it in f"{at:06}").encode(),
}


def write(path, databases, **options):
    with lmdb.open(str(path), map_size=1 << 26, max_dbs=len(databases)) as environment:
        for name, records in databases.items():
            database = environment.open_db(name.encode(), **options)
            with environment.begin(write=True, db=database) as transaction:
                for key, value in records.items():
                    transaction.put(key, value)
    return path


def images(key):
    return {key(at): PICTURES[at % len(PICTURES)] for at in range(COUNT)}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_labels_under_the_keys_of_pictures_are_sound(tmp_path, key):
    labels = {key(at): b"%d" % (at % 10) for at in range(COUNT)}
    report = datacheck.scan(write(tmp_path / "store", {"images": images(key), "labels": labels}))
    assert report.clean
    assert not report.findings


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_the_broken_ones_of_both_are_named(tmp_path, key):
    labels = {key(at): b"%d" % (at % 10) for at in range(COUNT)} | {key(9): b"\xff\x00"}
    broken = images(key) | {key(7): PICTURES[7 % len(PICTURES)][:300]}
    report = datacheck.scan(write(tmp_path / "store", {"images": broken, "labels": labels}))
    assert [(it.database, it.code) for it in report.findings] == [("images", "truncated"), ("labels", "undecodable")]


def test_labels_as_packed_numbers_are_not_known_and_can_be_told(tmp_path):
    key = KEYS["low byte first"]
    labels = {key(at): struct.pack("<i", at % 10) for at in range(COUNT)}
    path = write(tmp_path / "store", {"images": images(key), "labels": labels}, integerkey=True)
    report = datacheck.scan(path)
    assert report.bad == 0
    assert report.counts == {"unknown-payload": 1}
    assert datacheck.scan(path, array={"labels:": "<i4"}).clean


def test_a_database_of_some_things_each_of_its_own_is_judged_one_by_one(tmp_path):
    key = KEYS["digest"]
    words = [f"thing {chr(ord('a') + at)}".encode() for at in range(18)]
    mixed = {it.replace(b" ", b"_"): b'{"a": 1}' if at % 2 else PICTURES[0] for at, it in enumerate(words)}
    report = datacheck.scan(write(tmp_path / "store", {"images": images(key), "things": mixed}))
    assert report.clean
    assert not report.findings
