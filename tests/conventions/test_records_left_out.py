"""A store that says how many of its examples it kept, or skipped, lacks the others on purpose."""

import json

import pytest
from convention_stores import picture, read, write

import datacheck


def records(cut=None):
    made = {b"%05d" % at: picture(at) for at in range(60) if at not in (7, 30)}
    return {key: value[: 200 if key == cut else None] for key, value in made.items()}


def verdicts(path, about):
    return [(it.code, it.verdict) for it in datacheck.scan(write(path, records() | about)).findings]


@pytest.mark.parametrize(
    "about",
    [
        {b"num_examples": b"60", b"num_valid": b"58"},
        {b"num_samples": b"60", b"num_skipped": b"2"},
        {b"__metadata__": json.dumps({"num_samples": 60, "num_kept": 58}).encode()},
    ],
    ids=["valid", "skipped", "metadata"],
)
def test_gaps_that_the_store_counts_are_suspicious(tmp_path, about):
    assert verdicts(tmp_path / "store", about) == [("dangling", "suspicious")]


@pytest.mark.parametrize("about", [{}, {b"num_valid": b"12"}, {b"num_skipped": b"3"}, {b"num_classes": b"58"}])
def test_other_gaps_are_bad(tmp_path, about):
    assert verdicts(tmp_path / "store", about | {b"num_examples": b"60"}) == [("dangling", "bad")]


def test_the_number_of_kept_records_is_true_in_a_copy(tmp_path):
    about = {b"num_examples": b"60", b"num_valid": b"58", b"num_skipped": b"2"}
    datacheck.rebuild(write(tmp_path / "store", records(b"00003") | about), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (copy[b"num_examples"], copy[b"num_valid"]) == (b"57", b"57")
    assert all(b"%05d" % at in copy for at in range(57))
