"""A broken value that looks like the others of its family is judged once, as one of them."""

import pickle

from convention_stores import picture, write

import datacheck


def test_a_pickle_whose_frame_is_not_all_there_is_truncated(tmp_path):
    records = {b"rgb_%d" % number: pickle.dumps(picture(number)) for number in range(60)}
    value = bytearray(records[b"rgb_7"])
    assert value[2:3] == b"\x95"  # a frame, and its length
    value[8] = 0x20
    report = datacheck.scan(write(tmp_path / "store", records | {b"rgb_7": bytes(value[:-3] + b"\x94.")}), workers=1)
    assert {it.key for it in report.findings if it.verdict == "bad"} == {"rgb_7"}
    assert "internal-error" not in report.counts
