"""Test counts of samples under names that have further parts in some samples only, such as a mask."""

import random

import pytest
from building import write_lmdb
from convention_stores import read

import datacheck

COUNT = 120
CAPTION = b"a dog runs over the red road, number %d"


def store(tmp_path, *, count=COUNT, lacking=(), further=b".mask.ogg", bad=()):
    chance = random.Random(3)
    names = [b"%032x" % chance.getrandbits(128) for _ in range(COUNT)]
    records = {
        name + b".txt": b"\xff" if at in bad else CAPTION % at for at, name in enumerate(names) if at not in lacking
    }
    records |= {name + b".json": b'{"x": [0.5, %d]}' % at for at, name in enumerate(names)}
    records |= {name + further: CAPTION % at for at, name in enumerate(names) if at % 4 == 0}
    return write_lmdb(tmp_path / "store", records | {b"__len__": b"%d" % count}), names


def found(path):
    return [(it.key, it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize("further", [b".mask.ogg", b".ogg"])
def test_a_count_of_the_samples_is_true(tmp_path, further):
    path, _ = store(tmp_path, further=further)
    assert found(path) == []


def test_a_false_count_of_the_samples_is_bad(tmp_path):
    path, _ = store(tmp_path, count=COUNT - 1)
    assert found(path) == [(None, "count", "bad")]


def test_a_sample_that_lacks_an_usual_part_is_named(tmp_path):
    path, names = store(tmp_path, lacking=[7])
    assert (names[7].decode() + ".json", "unpaired") in [it[:2] for it in found(path)]


def test_the_count_is_true_in_a_copy(tmp_path):
    path, names = store(tmp_path, bad=[5])
    datacheck.rebuild(path, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert copy[b"__len__"] == b"119"
    assert names[5] + b".json" not in copy
