"""Steps of robots as GR-1 keeps them: NAME_%d by step, inst_%d by episode, and the number of the last step."""

import pickle

import numpy as np
import pytest
from convention_stores import picture, read, write

import datacheck

OF_STEP = (b"cur_episode_%d", b"done_%d", b"rgb_static_%d", b"rel_action_%d")


def steps(count=60, episode=12):
    made = {b"inst_%d" % of: pickle.dumps(f"lift block {of}") for of in range(count // episode)}
    for at in range(count):
        values = at // episode, False, picture(at), np.arange(7, dtype=np.float32) / 7 + at
        made |= {key % at: pickle.dumps(value) for key, value in zip(OF_STEP, values, strict=True)}
    return made | {b"cur_step": pickle.dumps(count - 1)}


def load(store):
    """Return each step as the loader takes it, with the instruction of its episode."""
    made = []
    for at in range(pickle.loads(store[b"cur_step"]) + 1):
        values = [store[key % at] for key in OF_STEP]
        made.append((*values, store[b"inst_%d" % pickle.loads(values[0])]))
    return made


def test_a_sound_store_keeps_it(tmp_path):
    report = datacheck.scan(write(tmp_path / "store", steps()))
    assert ([it.name for it in report.conventions], report.groups, report.counts) == (["gr-1"], 60, {})


@pytest.mark.parametrize("said", [58, 62])
def test_the_last_step_is_another_one(tmp_path, said):
    source = write(tmp_path / "store", steps() | {b"cur_step": pickle.dumps(said)})
    (finding,) = datacheck.scan(source).findings
    assert (finding.code, finding.key) == ("count", None)
    assert finding.message == f"cur_step says that {said} is the last number, there are 60, from 0 on"
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert load(read(tmp_path / "copy")) == load(steps())


def test_the_loader_takes_the_copy(tmp_path):
    store = steps()
    kept = [it for at, it in enumerate(load(store)) if at not in (3, 17, 59)]
    damaged = store | {b"rgb_static_17": store[b"rgb_static_17"][:50], b"rel_action_59": b""}
    del damaged[b"done_3"]
    source = write(tmp_path / "store", damaged)
    found = {(it.code, it.key) for it in datacheck.scan(source).findings}
    assert {("unpaired", "cur_episode_3"), ("empty", "rel_action_59")} <= found
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert load(copy) == kept
    assert [copy[b"inst_%d" % at] for at in range(5)] == [store[b"inst_%d" % at] for at in range(5)]


def test_a_record_of_that_name_beside_others_is_no_such_store(tmp_path):
    records = {b"%d" % at: pickle.dumps({"x": [at / 7]}) for at in range(60)} | {b"cur_step": pickle.dumps(7)}
    report = datacheck.scan(write(tmp_path / "store", records))
    assert (report.conventions, report.counts) == ((), {})


@pytest.mark.parametrize("raw", [b"\x80", b"\x80\x63", b"\x80\x05K"])
def test_a_number_of_the_last_step_that_is_cut_is_said_and_written_anew(tmp_path, raw):
    source = write(tmp_path / "store", steps() | {b"cur_step": raw})
    report = datacheck.scan(source)
    assert "internal-error" not in report.counts
    assert report.counts["count"] == 1
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert datacheck.scan(tmp_path / "copy").clean
