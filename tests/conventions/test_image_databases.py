"""Test videos as GFSLT-VLP reads them: pictures under pickled numbers, and a list under the pickled text "keys"."""

import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

KEYS = pickle.dumps("keys")
ITEMS = {"keys": pickle.dumps, "numbers": lambda it: it}


def store(item):
    records = {pickle.dumps(at): picture(at) for at in range(20)}
    return records | {b"protocol": pickle.dumps(pickle.DEFAULT_PROTOCOL), KEYS: pickle.dumps([*map(item, range(20))])}


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_the_list_is_compared_and_true_in_a_copy(tmp_path, item):
    report = datacheck.scan(write(tmp_path / "sound", store(item)), workers=1)
    assert (report.convention_names, list(report.findings)) == (["image-database"], [])
    records = store(item)
    del records[pickle.dumps(7)]
    report = datacheck.scan(write(tmp_path / "lost", records), workers=1)
    assert [(it.code, it.verdict) for it in report.findings] == [("dangling", "bad")]
    records = store(item) | {pickle.dumps(7): picture(7)[:60]}
    datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert pickle.loads(read(tmp_path / "copy")[KEYS]) == [item(at) for at in range(20) if at != 7]


def test_another_protocol_says_nothing(tmp_path):
    records = {b"%04d" % at: picture(at) for at in range(20)} | {b"protocol": b"v2"}
    report = datacheck.scan(write(tmp_path / "store", records), workers=1)
    assert (report.convention_names, list(report.findings)) == ([], [])
