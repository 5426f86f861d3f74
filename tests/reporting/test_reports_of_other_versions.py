"""Test reports with names that this version does not have: they are read and printed like any other."""

import json

import pytest
from building import key, raw_records, write_lmdb
from commanding import datacheck as command

import datacheck


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    store = write_lmdb(folder / "env", raw_records(30) | {key(7): b"", key(9): b""})
    datacheck.scan(store, reports=[folder / "r.json"])
    return store, json.loads((folder / "r.json").read_text())


@pytest.mark.parametrize("decoder", ["newer", "zlib+newer", "a {b} c"])
def test_an_unknown_decoder_is_printed_by_its_name(tmp_path, scanned, decoder):
    store, document = scanned
    document["profile"]["families"]["#"]["decoder"] = decoder
    (tmp_path / "r.json").write_text(json.dumps(document))
    report = datacheck.load_report(tmp_path / "r.json")
    assert f"LMDB of {decoder} " in str(report)
    assert decoder in report._repr_html_()
    report.save(tmp_path / "p.html")
    done = command("scan", store, "--if-changed", tmp_path / "r.json")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"LMDB of {decoder} " in done.stdout


def test_a_finding_without_what_caffe_does_may_follow_one_with_it(tmp_path, scanned):
    _, document = scanned
    document["findings"][0]["details"]["caffe"] = "aborts"
    (tmp_path / "r.json").write_text(json.dumps(document))
    lines = str(datacheck.load_report(tmp_path / "r.json")).splitlines()
    assert [line.split()[0] for line in lines[3:]] == ["00000007", "Caffe", "00000009"]
