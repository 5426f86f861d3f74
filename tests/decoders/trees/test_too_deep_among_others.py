"""Test containers nested deeper than the limit: they are not called bare values, since their soundness is not known."""

import json

import pytest
from building import key, write_lmdb

import datacheck

ONE = {"x": [1, 2, 3, 4, 5], "sub": {"a": 1}}


def nested(depth):
    return f'{{"x": [1, 2, 3, 4, 5], "sub": {"[" * depth}1{"]" * depth}}}'.encode()


def scan(tmp_path, value):
    records = {key(at): json.dumps(ONE).encode() for at in range(40)} | {key(17): value}
    return datacheck.scan(write_lmdb(tmp_path / "env", records))


@pytest.mark.parametrize("depth", [100, 200, 5_000, 100_000])
def test_it_is_unverifiable(tmp_path, depth):
    report = scan(tmp_path, nested(depth))
    assert (report.bad, report.unverifiable, report.status) == (0, 1, 3)
    (finding,) = report.findings
    assert (finding.key, finding.code) == ("00000017", "too-large")
    assert "deep" in finding.message


@pytest.mark.parametrize("value", [b"null", b"7", b'"words"'])
def test_a_bare_value_among_containers_is_bad(tmp_path, value):
    report = scan(tmp_path, value)
    assert [(it.code, it.verdict) for it in report.findings] == [("undecodable", "bad")]


def test_a_sound_one_passes(tmp_path):
    assert scan(tmp_path, json.dumps(ONE | {"x": [5, 4, 3, 2, 1]}).encode()).clean
