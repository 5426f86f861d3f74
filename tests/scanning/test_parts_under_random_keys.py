"""Test values under random keys that name parts of samples: each part is a family of its own."""

import hashlib
import io

import lmdb
import numpy as np
import pytest
from PIL import Image

import datacheck

NAMES = [("%s.img", "%s.lab"), ("img/%s", "lab/%s"), ("%s", "%s_mask")]


def _picture(form, number):
    stream = io.BytesIO()
    Image.fromarray(np.add.outer(np.arange(16, dtype="u1") * 9, np.arange(16, dtype="u1") + number % 50)).save(
        stream, form
    )
    return stream.getvalue()


def _scan(path, names, values, options, changed=()):
    with lmdb.open(str(path), map_size=1 << 24, sync=False) as env, env.begin(write=True) as transaction:
        for number in range(60):
            digest = hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest()
            for part, (name, value) in enumerate(zip(names, values, strict=True)):
                changed_value = dict(changed).get((number, part))
                transaction.put((name % digest).encode(), changed_value or value(number))
    return datacheck.scan(path, **options)


def _array(number):
    return np.random.default_rng(number).standard_normal((3, 8, 8)).astype("f4").tobytes()


def _label(number):
    return np.int64(number % 10).tobytes()


SHAPED = {"array": ["f4:3,8,8"]}


@pytest.mark.parametrize("names", NAMES, ids=["endings", "beginnings", "added"])
def test_labels_beside_arrays_are_not_judged_as_arrays(tmp_path, names):
    assert _scan(tmp_path / "env", names, (_array, _label), SHAPED).counts == {"unknown-payload": 1}


def test_numbered_labels_beside_arrays_are_not_judged_as_arrays(tmp_path):
    with lmdb.open(str(tmp_path / "env"), map_size=1 << 24) as env, env.begin(write=True) as transaction:
        for number in range(30):
            transaction.put(b"%04d.img" % number, _array(number))
            transaction.put(b"%04d.lab" % number, _label(number))
    assert datacheck.scan(tmp_path / "env", **SHAPED).counts == {"unknown-payload": 1}


def test_pictures_beside_arrays_are_judged_as_pictures(tmp_path):
    values = (_array, lambda number: _picture("PNG", number))
    report = _scan(tmp_path / "env", NAMES[0], values, SHAPED, {(7, 1): _picture("PNG", 7)[:60]})
    assert report.counts == {"truncated": 1}


def test_cut_arrays_and_labels_of_words_are_found(tmp_path):
    values, changed = (_array, lambda number: b"%d" % (number % 10)), {(5, 0): _array(5)[:100]}
    assert _scan(tmp_path / "env", NAMES[0], values, SHAPED, changed).counts == {"size-mismatch": 1}


def test_only_arrays_of_another_size_are_bad(tmp_path):
    values = (lambda number: _array(number)[:-4], _label)
    assert _scan(tmp_path / "env", NAMES[0], values, SHAPED).counts == {"size-mismatch": 120}


def test_masks_beside_pictures_may_have_another_format(tmp_path):
    values = (lambda number: _picture("JPEG", number), lambda number: _picture("PNG", number))
    assert _scan(tmp_path / "env", NAMES[2], values, {}).counts == {}


def test_masks_of_some_pictures_may_have_another_format(tmp_path):
    with lmdb.open(str(tmp_path / "env"), map_size=1 << 24) as env, env.begin(write=True) as transaction:
        for number in range(60):
            digest = hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest().encode()
            transaction.put(digest, _picture("JPEG", number))
            if number % 3:
                transaction.put(digest + b"_mask", _picture("PNG", number))
    assert datacheck.scan(tmp_path / "env").counts == {}


def test_a_picture_of_zeros_is_bad_beside_labels(tmp_path):
    values = (lambda number: _picture("JPEG", number), lambda number: b"%d" % (number % 7))
    report = _scan(tmp_path / "env", ("%s.jpg", "%s.cls"), values, {}, {(5, 0): bytes(500)})
    assert report.counts == {"undecodable": 1}


def _beside(path, names, beside):
    with lmdb.open(str(path), map_size=1 << 24) as env, env.begin(write=True) as transaction:
        for number, name in enumerate(names):
            transaction.put(name.encode(), _picture("JPEG", number))
        for key, value in beside.items():
            transaction.put(key, value)
    return datacheck.scan(path)


def test_numbers_and_texts_by_words_beside_pictures_by_digests_are_no_pictures(tmp_path):
    names = [hashlib.md5(b"%d" % it, usedforsecurity=False).hexdigest() for it in range(60)]
    beside = {b"fps": b"25", b"img_size": b"16 16", b"n": b"60", b"train_keys": "\n".join(names).encode()}
    assert _beside(tmp_path / "env", names, beside).counts == {}
    assert _beside(tmp_path / "other", names, {b"4" * 32: b"error"}).counts == {"undecodable": 1}


def test_a_text_among_pictures_by_words_is_no_picture(tmp_path):
    names = [f"{one}{other}{last}" for one in "bcdfg" for other in "aeiou" for last in "kmn"]
    assert _beside(tmp_path / "env", names, {b"pot": b"error"}).counts == {"undecodable": 1}


@pytest.mark.parametrize("database", [None, b"train"])
@pytest.mark.parametrize("names", NAMES[:2], ids=["endings", "beginnings"])
def test_faults_under_the_few_keys_of_no_part_are_found(tmp_path, names, database):
    digests = [hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest() for number in range(120)]
    records = {names[0] % it: _picture("JPEG", at) for at, it in enumerate(digests[:100])}
    records |= {names[1] % it: b"%d" % (at % 7) for at, it in enumerate(digests[:100])}
    records |= {it: _picture("JPEG", at) for at, it in enumerate(digests[100:])}
    for case, changed in (("sound", {}), ("broken", {digests[103]: bytes(300)})):
        with lmdb.open(str(tmp_path / case), map_size=1 << 24, max_dbs=1) as env:
            at = None if database is None else env.open_db(database)
            with env.begin(write=True, db=at) as transaction:
                for key, value in (records | changed).items():
                    transaction.put(key.encode(), value)
    assert datacheck.scan(tmp_path / "sound").counts == {}
    assert datacheck.scan(tmp_path / "broken").counts == {"undecodable": 1}


def _sized(size, number):
    stream = io.BytesIO()
    Image.fromarray(np.add.outer(np.arange(size), np.arange(size) + number).astype("u1")).save(stream, "PNG")
    return stream.getvalue()


def test_sizes_of_pictures_by_digests_are_parts_of_samples(tmp_path):
    names = [hashlib.md5(b"%d" % it, usedforsecurity=False).hexdigest().encode() for it in range(40)]
    records = {b"%d-%s" % (size, it): _sized(size, at) for at, it in enumerate(names) for size in (16, 32)}
    for case, changed in (("sound", {}), ("faults", {b"32-" + names[7]: _sized(16, 7), b"length": b"45"})):
        with lmdb.open(str(tmp_path / case), map_size=1 << 22) as env, env.begin(write=True) as transaction:
            for key, value in {b"length": b"40", **records, **changed}.items():
                transaction.put(key, value)
    assert {"count", "shape"}.isdisjoint(datacheck.scan(tmp_path / "sound").counts)
    counts = datacheck.scan(tmp_path / "faults").counts
    assert (counts["count"], counts["shape"]) == (1, 1)
