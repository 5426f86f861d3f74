"""A count may be the number of rows in a list of windows of frames rather than of records."""

import pickle

from convention_stores import picture, read, write

import datacheck

FRAMES = [[b"v%d/%05d" % (clip, at) for at in range(6)] for clip in range(12)]
WINDOWS = [[it.decode() for it in clip[at : at + 3]] for clip in FRAMES for at in range(4)]


def store(path, number, cut=()):
    frames = {
        it: picture(at)[: 200 if it in cut else None] for at, it in enumerate(it for clip in FRAMES for it in clip)
    }
    return write(path, frames | {b"samples": pickle.dumps(WINDOWS), b"__len__": pickle.dumps(number)})


def test_a_count_of_windows_is_true_in_a_copy(tmp_path):
    assert datacheck.scan(store(tmp_path / "sound", 48)).clean
    datacheck.rebuild(store(tmp_path / "store", 48, cut=[FRAMES[5][1]]), tmp_path / "copy", drop_bad=True)
    left = read(tmp_path / "copy")
    assert pickle.loads(left[b"__len__"]) == len(pickle.loads(left[b"samples"])) == 46
    assert datacheck.scan(tmp_path / "copy").clean


def test_a_count_of_records_is_true_in_a_copy(tmp_path):
    datacheck.rebuild(store(tmp_path / "store", 72, cut=[FRAMES[5][1]]), tmp_path / "copy", drop_bad=True)
    left = read(tmp_path / "copy")
    assert (pickle.loads(left[b"__len__"]), len(pickle.loads(left[b"samples"]))) == (71, 46)


def test_another_number_is_not_true(tmp_path):
    assert [it.code for it in datacheck.scan(store(tmp_path / "store", 47)).findings] == ["count"]
