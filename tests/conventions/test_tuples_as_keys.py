"""Test stores of lmdbdict whose keys are tuples, which are pickled as texts and numbers are."""

import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

NESTED = [(("a", at), None) if at % 2 else f"b{at}" for at in range(20)]
KINDS = {"nested": NESTED, "same twice": [(it, it) for it in "abcdefghijklmnopqrst"]}


def store(keys, missing=None):
    settings = (b"__key_dumps__", b"__key_loads__", b"__value_dumps__", b"__value_loads__")
    records = {pickle.dumps(key): pickle.dumps({"image": picture(at), "y": at}) for at, key in enumerate(keys)}
    records.pop(pickle.dumps(missing), None)
    return records | {b"__keys__": pickle.dumps({*keys})} | dict.fromkeys(settings, pickle.dumps(None))


@pytest.mark.parametrize("keys", KINDS.values(), ids=KINDS)
def test_tuples_are_compared_and_true_in_a_copy(tmp_path, keys):
    assert datacheck.scan(write(tmp_path / "sound", store(keys)), workers=1).status == 0
    report = datacheck.scan(write(tmp_path / "gone", store(keys, missing=keys[3])), workers=1)
    assert (report.convention_names, [it.code for it in report.findings]) == (["lmdbdict"], ["dangling"])
    records = store(keys)
    records[pickle.dumps(keys[3])] = records[pickle.dumps(keys[3])][:90]
    datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    left = pickle.loads(copy[b"__keys__"])
    assert left == {*keys} - {keys[3]}
    assert all(pickle.dumps(it) in copy for it in left)
