"""Test mappings that have an entry for each record, such as captions or labels by key, in any database."""

import json

import pytest
from convention_stores import picture, write, write_databases

import datacheck

KEYS = [f"photo{at * 7919 % 10000:04}{'abcdefghij'[at % 10]}.jpg" for at in range(40)]
PICTURES = {key.encode(): picture(at) for at, key in enumerate(KEYS)}


def entries(keys, **others):
    return {b"captions": json.dumps({key: f"a photo, {at}" for at, key in enumerate(keys)}).encode()} | others


def store(where, keys, path, **others):
    if where == "beside":
        return write(path, PICTURES | entries(keys) | others)
    lists = {b"keys": json.dumps(KEYS).encode()}
    return write_databases(path, {"images": PICTURES, "meta": lists, "text": entries(keys) | others})


def found(path):
    return [(it.code, it.verdict, it.details.get("first")) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize("where", ["beside", "in another database"])
def test_a_record_without_an_entry_is_named(tmp_path, where):
    assert found(store(where, KEYS, tmp_path / "sound")) == []
    keys = [*KEYS[:7], *KEYS[8:]]
    assert found(store(where, keys, tmp_path / "lacks")) == [("unpaired", "suspicious", [KEYS[7]])]


def test_records_of_another_kind_need_none(tmp_path):
    records = PICTURES | entries(KEYS) | {b"classes": b"cat\ndog", b"about": b"photos of 2019"}
    assert found(write(tmp_path / "store", records)) == []


def test_a_mapping_of_some_records_is_one_of_some(tmp_path):
    assert found(store("beside", KEYS[:-4], tmp_path / "store")) == []
