"""A count may be that of clips, where each record is a frame of one and nothing else is in the store."""

import pytest
from commanding import datacheck
from convention_stores import picture, read, write

from datacheck.conventions.counts.clips_counted import clip_names, may_count_clips
from datacheck.conventions.interface import Convention, Count
from datacheck.conventions.keys.account import Account
from datacheck.conventions.values.stored_values import Stored


def frames(key=b"vid%02d/%05d", clips=9, count=12):
    return {key % (clip, at): picture(at) for clip in range(clips) for at in range(count + (clip % 2))}


def streams():
    return {
        b"vid%02d/%s_%03d" % (clip, kind, at): picture(at)
        for clip in range(9)
        for kind in (b"flow", b"rgb")
        for at in range(8)
    }


SOUND = {
    "folders": frames() | {b"num_samples": b"9"},
    "plain": frames(b"clip-%d-%d") | {b"__len__": b"9"},
    "numbers": frames(b"%05d_%03d.jpg") | {b"num-samples": b"9"},
    "streams": streams() | {b"num_samples": b"9"},
    "records": frames() | {b"num_samples": b"%d" % len(frames())},
}


@pytest.mark.parametrize("store", SOUND.values(), ids=SOUND)
def test_the_number_of_clips_is_a_sound_count(tmp_path, store):
    result = datacheck("scan", write(tmp_path / "store", store))
    assert (result.returncode, "nothing wrong" in result.stdout) == (0, True), result.stdout


STALE = {
    "clips": frames() | {b"num_samples": b"10"},
    "records": frames() | {b"num_samples": b"%d" % (len(frames()) + 1)},
    "pairs": {b"%s-%05d" % (kind, at): picture(at) for kind in (b"a", b"b") for at in range(40)}
    | {b"num_samples": b"39"},
    "one clip": frames(clips=1, count=60) | {b"num_samples": b"2"},
    "with a label each": frames()
    | {b"vid%02d/label" % it: b"%d" % (it % 3) for it in range(9)}
    | {b"num_samples": b"10"},
}


@pytest.mark.parametrize("store", STALE.values(), ids=STALE)
def test_a_number_of_neither_clips_nor_records_is_bad(tmp_path, store):
    result = datacheck("scan", write(tmp_path / "store", store))
    assert (result.returncode, "count (bad): 1" in result.stdout) == (1, True), result.stdout


def test_a_copy_keeps_the_number_of_clips(tmp_path):
    store = write(tmp_path / "store", frames() | {b"num_samples": b"9", b"vid03/00004": picture(4)[:100]})
    made = datacheck("rebuild", store, tmp_path / "copy", "--drop-bad")
    assert made.returncode == 0, made.stderr
    copy = read(tmp_path / "copy")
    assert (copy[b"num_samples"], b"vid03/00004" in copy) == (b"9", False)


def test_a_count_that_only_all_keys_would_decide_may_be_of_clips():
    """Of a large store only some keys are known before it is scanned, and these may not name every clip."""
    keys = sorted(frames())
    convention = Convention("count", named=False, clips=clip_names(keys[::2], ()))
    account = Account(records=len(keys))

    def may(said):
        return may_count_clips(Count(b"num_samples", Stored(said, "decimal")), convention, account, [len(keys)])

    assert [may(it) for it in (8, 9, 11, len(keys) - 1, 10 * len(keys))] == [False, True, True, False, False]
