"""Test that a receipt names only the lists and counts that differ in the copy."""

import json

from convention_stores import picture, write

import datacheck

NAMES = [f"photo_{'abcdefghij'[at % 10]}{at // 10}x" for at in range(40)]


def rebuilt(tmp_path, cut):
    records = {name.encode(): picture(at)[: 60 if name == cut else None] for at, name in enumerate(NAMES)}
    records |= {b"train_keys": json.dumps(NAMES[:30]).encode(), b"val_keys": json.dumps(NAMES[30:]).encode()}
    records |= {b"num_train": b"30", b"num_val": b"10"}
    receipt = datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    return receipt.repairs


def test_a_list_that_loses_no_key_is_not_called_rewritten(tmp_path):
    repairs = rebuilt(tmp_path, NAMES[3])
    assert (repairs.lists, repairs.lengths) == (("train_keys",), ("num_train",))


def test_a_frame_list_that_changes_is_named(tmp_path):
    clips = {f"clip{at:02}": [0, 4, 8, 12] for at in range(8)}
    records = {f"{clip}/{it:06}".encode(): picture(it) for clip, frames in clips.items() for it in frames}
    records |= {clip.encode(): json.dumps(frames).encode() for clip, frames in clips.items()}
    records[b"clip03/000008"] = records[b"clip03/000008"][:60]
    receipt = datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert receipt.repairs.lists == ("clip00 and the like",)
