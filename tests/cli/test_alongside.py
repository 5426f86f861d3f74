"""Test `datacheck checksum`, `datacheck compare`, `scan --checksums` and `scan --duplicates` as a user runs them."""

import json

import pytest
from building import key, raw_records, write_lmdb
from commanding import datacheck


def run(home, *words):
    done = datacheck(*words, cwd=home)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def home(tmp_path):
    records = raw_records(200)
    write_lmdb(tmp_path / "train", records)
    write_lmdb(tmp_path / "val", {key(0): records[key(3)], key(1): records[key(1)][::-1]} | raw_others())
    return tmp_path


def raw_others():
    return {key(at + 10): value for at, value in enumerate(raw_records(400).values()) if at >= 300}


def test_checksums_from_the_terminal(home):
    assert run(home, "checksum", "train", "--out", "sums", "--quiet") == (0, "", "")
    assert run(home, "scan", "train", "--checksums", "sums", "--quiet") == (0, "", "")
    status, said, _ = run(home, "scan", "val", "--checksums", "sums")
    assert status == 1
    assert "changed (bad)" in said
    assert "look at one: datacheck show val 00000000" in said
    assert "scan val --checksums sums --report report.json" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("checksum", "train"), "Missing option '--out'"),
        (("checksum", "nowhere", "--out", "sums"), "nowhere: there is nothing at this path"),
        (("checksum", "train", "--out", "train/sums"), "train/sums: lies in the source train"),
        (("checksum", "train", "--out", "val"), "val: exists already"),
        (("checksum", "", "--out", "sums"), "SOURCE is an empty name"),
        (("scan", "train", "--checksums", "nowhere"), "nowhere: there is nothing at this path"),
        (("scan", "train", "--checksums", "train/data.mdb"), "train/data.mdb: is not a checksum file of datacheck"),
        (("scan", "train", "val", "--checksums", "x"), "--checksums is of one source, and here are 2"),
        (("compare", "train", "train"), "train is named twice"),
        (("compare", "train", "val", "--near", "99"), "it must be from 0 to 31 bits of 256"),
        (("compare", "--near", "train", "val"), "name the stores before --near"),
        (("compare",), "Missing argument"),
        (("compare", "train", "nowhere"), "nowhere: there is nothing at this path"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(home, words, message):
    status, said, complained = run(home, *words)
    assert status == 2
    assert said == ""
    assert message in complained
    assert "Traceback" not in complained


def test_a_comparison_from_the_terminal(home):
    status, said, _ = run(home, "compare", "train", "val", "--near", "20", "-o", "r.json")
    assert status == 0
    assert "00000000  the same value as 00000003 in train" in said
    assert "1 record is also in another store" in said
    assert json.loads((home / "r.json").read_text())["reports"][1]["counts"]["leak"] == 1
    status, said, _ = run(home, "compare", "train", "val", "--near", "--format", "json", "--strict")
    assert status == 1
    assert json.loads(said)["reports"][0]["comparison"]["pictures"] == 200


def test_a_configuration_that_was_found_names_no_checksum_file(home):
    (home / "datacheck.toml").write_text('checksums = "sums"\n')
    status, _, complained = run(home, "scan", "train")
    assert status == 2
    assert "checksums" in complained
    (home / "datacheck.toml").write_text("duplicates = true\n")
    assert "values compared" in run(home, "scan", "train")[1]
