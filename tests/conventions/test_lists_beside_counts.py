"""Test counts of samples beside a record that lists them, such as annotations in JSON or a table."""

import hashlib
import json

import pytest
from convention_stores import picture, read, write

import datacheck

NAMES = [hashlib.md5(b"%d" % at).hexdigest()[:10] for at in range(40)]


def store(key, form, lost=(), cut=()):
    records = {f"{it}.jpg".encode(): picture(at)[: 60 if it in cut else None] for at, it in enumerate(NAMES)}
    records = {of: it for of, it in records.items() if of[:-4].decode() not in lost}
    rows = json.dumps([{form: it + (".jpg" if form == "file_name" else ""), "label": 3} for it in NAMES]).encode()
    return records | {key: rows, b"num_samples": b"40"}


@pytest.mark.parametrize("form", ["file_name", "id"])
def test_a_record_of_annotations_is_no_sample(tmp_path, form):
    assert list(datacheck.scan(write(tmp_path / "sound", store(b"annotations", form)), workers=1).findings) == []
    source = write(tmp_path / "store", store(b"annotations", form, cut=NAMES[7:8]))
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (copy[b"num_samples"], len(json.loads(copy[b"annotations"]))) == (b"39", 39)


def test_a_list_of_as_many_samples_as_are_counted_is_one_of_them(tmp_path):
    path = write(tmp_path / "store", store(b"annotations", "file_name", lost=NAMES[7:8]))
    assert ("dangling", "bad") in [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


def test_a_text_file_with_as_long_a_name_as_digests_is_none(tmp_path):
    table = "\n".join(["id,label", *(f"{it},3" for it in NAMES)]).encode()
    records = {it.encode(): picture(at) for at, it in enumerate(NAMES)} | {b"labels.csv": table}
    assert list(datacheck.scan(write(tmp_path / "store", records), workers=1).findings) == []
