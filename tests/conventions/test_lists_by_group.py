"""Lists of keys by video or class, and a length that is the number of these rather than of keys."""

import hashlib
import json
import pickle

import pytest
from convention_stores import picture, read, write

import datacheck


def store(naming, cut=(), length=8):
    keys = {f"group_{at}": [naming(at, it) for it in range(4 + at % 3)] for at in range(8)}
    records = {key: picture(at) for at, key in enumerate(key for every in keys.values() for key in every)}
    records |= {key: records[key][:200] for key in cut}
    return keys, records | {b"__keys__": pickle.dumps(keys), b"__len__": pickle.dumps(length)}


def by_video(group, frame):
    return b"group_%d/%05d.jpg" % (group, frame)


def by_digest(group, picture_number):
    return hashlib.md5(b"%d-%d" % (group, picture_number)).hexdigest().encode()


@pytest.mark.parametrize("naming", [by_video, by_digest])
def test_the_number_of_groups_is_a_length(tmp_path, naming):
    keys, records = store(naming, [naming(3, 2)])
    assert datacheck.scan(write(tmp_path / "sound", store(naming)[1])).clean
    datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert pickle.loads(copy[b"__len__"]) == 8
    assert pickle.loads(copy[b"__keys__"]) == keys | {"group_3": [naming(3, it) for it in (0, 1, 3)]}
    assert datacheck.scan(tmp_path / "copy").clean


@pytest.mark.parametrize("length", [7, 9, 38, 50])
def test_another_length_is_a_wrong_count(tmp_path, length):
    report = datacheck.scan(write(tmp_path / "store", store(by_digest, length=length)[1]))
    assert [it.code for it in report.findings] == ["count"]


def test_the_number_of_items_of_named_records_is_true_in_a_copy(tmp_path):
    records = {f"item:scene_{'abcdefgh'[at % 8]}{at}".encode(): picture(at) for at in range(40)}
    records |= {b"metadata": json.dumps({"total_items": 40, "version": "1.0"}).encode()}
    assert datacheck.scan(write(tmp_path / "sound", records)).clean
    records[b"item:scene_e4"] = records[b"item:scene_e4"][:200]
    datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[b"metadata"]) == {"total_items": 39, "version": "1.0"}
