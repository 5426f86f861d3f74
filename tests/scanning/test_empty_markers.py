"""An empty value under `__complete__` or the like marks a store as complete; other empty values are lost records."""

import pytest
from building import npy
from commanding import datacheck
from convention_stores import picture, read, write


def numbered(cut=None):
    store = {b"%06d" % at: picture(at) for at in range(40)}
    return store if cut is None else store | {b"%06d" % cut: picture(cut)[:100]}


@pytest.mark.parametrize("key", [b"__complete__", b"_SUCCESS", b"done", b"is_finished"])
def test_an_empty_marker_is_sound_and_stays_in_a_copy(tmp_path, key):
    result = datacheck("scan", write(tmp_path / "store", numbered() | {key: b""}))
    assert (result.returncode, "nothing wrong" in result.stdout) == (0, True), result.stdout
    source = write(tmp_path / "other", numbered(cut=3) | {key: b""})
    assert datacheck("rebuild", source, tmp_path / "copy", "--drop-bad").returncode == 0
    assert read(tmp_path / "copy")[key] == b""


EMPTY = {
    "sample": numbered() | {b"000007": b""},
    "labels": numbered() | {b"labels": b""},
    "done samples": numbered() | {b"done_keys": b""},
    "word": {b"word%s" % bytes([97 + at // 26, 97 + at % 26]): npy([0.5, at]) for at in range(200)} | {b"done": b""},
}


@pytest.mark.parametrize("store", EMPTY.values(), ids=EMPTY)
def test_other_empty_values_are_bad(tmp_path, store):
    result = datacheck("scan", write(tmp_path / "store", store))
    assert (result.returncode, "empty (bad): 1" in result.stdout) == (1, True), result.stdout
