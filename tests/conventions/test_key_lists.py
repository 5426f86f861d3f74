"""Stores that keep a list of their keys."""

import json

import pytest
from convention_stores import picture, read, write

import datacheck


def scanned(path):
    report = datacheck.scan(path)
    return report, {(finding.key, finding.code, finding.verdict) for finding in report.findings}


def pictures(count=50):
    return {b"id%d.jpg" % (number * 37): picture(number, (8, 8)) for number in range(count)}


def listed(records):
    return json.dumps(sorted(key.decode() for key in records)).encode()


def by_set(records):
    keys = sorted(key.decode() for key in records)
    return json.dumps({"train": keys[:30], "val": keys[30:]}).encode()


@pytest.mark.parametrize("name", [b"__keys__", b"keys"])
@pytest.mark.parametrize("written", [listed, by_set])
def test_a_list_that_is_true(tmp_path, name, written):
    records = pictures()
    report, said = scanned(write(tmp_path / "store", records | {name: written(records), b"__len__": b"50"}))
    assert (report.status, said) == (0, set())
    assert [it.name for it in report.conventions] == ["key-list"]


def test_keys_that_lead_to_nothing_and_records_in_no_list(tmp_path):
    records = pictures()
    keys = listed(records.keys() - {b"id0.jpg"} | {b"idnone.jpg", b"gone"})
    report, said = scanned(write(tmp_path / "store", records | {b"__keys__": keys, b"__len__": b"51"}))
    assert said == {(None, "dangling", "bad"), (None, "count", "suspicious"), (None, "count", "bad")}
    assert [it.details for it in report.findings if it.code == "dangling"] == [
        {"key": "__keys__", "count": 2, "first": ["gone", "idnone.jpg"]}
    ]


@pytest.mark.parametrize("how", ["scan", "report"])
@pytest.mark.parametrize("written", [listed, by_set])
def test_the_list_of_the_copy_is_true(tmp_path, written, how):
    records = pictures()
    keys = written(records | {b"gone": b""})
    records |= {b"id37.jpg": b"no picture", b"id74.jpg": picture(2, (8, 8))[:100]}
    source = write(tmp_path / "store", records | {b"__keys__": keys, b"__len__": b"51"})
    report = tmp_path / "report.json"
    datacheck.scan(source, reports=[report])
    receipt = datacheck.rebuild(
        source, tmp_path / "copy", drop_bad=True, from_report=report if how == "report" else None
    )
    copy = read(tmp_path / "copy")
    kept = {key: value for key, value in records.items() if key not in (b"id37.jpg", b"id74.jpg")}
    assert {key: value for key, value in copy.items() if not key.startswith(b"__")} == kept
    expected = json.loads(keys)
    for of_set in expected.values() if isinstance(expected, dict) else [expected]:
        of_set[:] = [key for key in of_set if key.encode() in kept]
    assert json.loads(copy[b"__keys__"]) == expected
    assert copy[b"__len__"] == b"48"
    assert receipt.repairs.lists == ("__keys__",)
    assert scanned(tmp_path / "copy")[0].status == 0


def test_texts_that_only_look_like_a_list_of_keys(tmp_path):
    records = pictures() | {b"keys": b'["a", 3]', b"__keys__": b"[]"}
    report, said = scanned(write(tmp_path / "store", records))
    assert not [it for it in said if it[1] in ("dangling", "count")]
    assert report.document().conventions is datacheck.reporting.document.msgspec.UNSET
