"""Test that ignored findings count nowhere, are mentioned wherever the result is shown, and stay in a copy."""

import json

import h5py
import lmdb
import msgspec
import numpy as np
import pytest
from building import datum, floats, key, pixels, raw_records, write_lmdb
from click.testing import CliRunner

import datacheck
from datacheck.cli.entry import cli
from datacheck.model.finding import Finding
from datacheck.reporting.ignoring import ignoring
from datacheck.reporting.tally import Tally


def run(*args):
    return CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)


WEAK = {"constant": "suspicious"}


def finding(code, name, verdict="bad", **more):
    return Finding(key=None if name is None else str(name), code=code, verdict=verdict, message="", **more)


@pytest.mark.parametrize(
    ("rule", "of", "ignored"),
    [
        ("nan", finding("nan", "a1"), True),
        ("nan", finding("inf", "a1"), False),
        ("nan:a#", finding("nan", "a12"), True),
        ("nan:a#", finding("nan", "ab12"), False),
        ("nan:a#", finding("nan", "a"), False),
        ("nan:a", finding("nan", "a1"), False),
        ("nan:32-#", finding("nan", "32-00017"), True),
        ("nan:32-#", finding("nan", "64-00017"), False),
        ("nan:#.jpg", finding("nan", "7xjpg"), False),
        ("nan:one:a#", finding("nan", "a1", database="one"), True),
        ("nan:a#", finding("nan", "a1", database="one"), False),
        ("nan:/data/demo_3", finding("nan", "/data/demo_3[5]"), True),
        ("nan:/data/demo_#", finding("nan", "/data/demo_3[5]"), True),
        ("nan:/data/demo_2", finding("nan", "/data/demo_3[5]"), False),
        ("unknown-payload:a#", finding("unknown-payload", None, details={"family": "a#", "count": 3}), True),
        ("unknown-payload:b#", finding("unknown-payload", None, details={"family": "a#", "count": 3}), False),
    ],
)
def test_a_rule_names_a_code_and_a_family(rule, of, ignored):
    assert ignoring([rule])(of) is ignored


def test_a_record_counts_by_what_is_left_of_it():
    tally = Tally(records=4, checked=4)
    for index, codes in enumerate([("nan",), ("nan", "constant"), ("nan", "label"), ("constant",)]):
        tally.count([finding(code, index, WEAK.get(code, "bad"), index=index) for code in codes])
    assert tally.verdicts == {"bad": 3, "suspicious": 1}
    left = tally.ignoring(ignoring(["nan"]))
    assert left.verdicts == {"bad": 1, "suspicious": 2}
    assert (left.codes, left.ignored) == ({"constant": 2, "label": 1}, {"nan": 3})
    assert [(it.key, it.code) for it in left.findings] == [("1", "constant"), ("2", "label"), ("3", "constant")]
    assert tally.ignoring(ignoring(["inf"])) is tally


@pytest.fixture
def store(tmp_path):
    broken = floats(5)
    broken[0, 0, 0] = float("nan")
    records = {key(n): datum(floats(n), n % 3) for n in range(40)}
    return write_lmdb(tmp_path / "env", records | {key(5): datum(broken, 1), key(7): b"", key(9): b""})


def test_the_report_has_their_number_alone(store, tmp_path):
    reports = [datacheck.scan(store, ignore=["empty"], workers=n, reports=[tmp_path / "r.json"]) for n in (1, 2)]
    said = json.loads((tmp_path / "r.json").read_text())
    assert (said["bad"], said["counts"], said["ignored"]) == (1, {"nan": 1}, {"empty": 2})
    assert said["settings"]["ignore"] == ["empty"]
    assert [it["code"] for it in said["findings"]] == ["nan"]
    for report in reports:
        report.started, report.seconds = "", 0.0
        report.settings = msgspec.structs.replace(report.settings, workers=1)
    assert reports[0].document() == reports[1].document()
    assert datacheck.scan(store, ignore=["empty", "nan"]).clean
    assert not datacheck.scan(store, ignore=["inf:#", "nan"]).clean


def test_it_is_named_in_the_headline(store):
    done = run("scan", store, "--ignore", "empty", "--ignore", "nan:#")
    assert done.return_value == 0
    head, verdict = done.stdout.splitlines()
    assert head.endswith("; ignoring empty, nan:# (2 empty, 1 nan)")
    assert verdict == "clean: nothing wrong"
    assert "; ignoring label (none found)\n" in run("scan", store, "--ignore", "label").stdout


def test_a_found_configuration_may_ignore_and_is_named(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datacheck.toml").write_text('ignore = ["empty", "nan"]\n')
    done = run("scan", store)
    assert done.return_value == 0
    assert "it loosens: ignore\n" in done.stdout


@pytest.mark.parametrize("how", ["scan", "report", "report of it"])
def test_a_rebuild_keeps_what_is_ignored(store, tmp_path, how):
    rests = []
    if how != "scan":
        ignore = ["--ignore", "empty"] if how == "report of it" else []
        run("scan", store, "--report", tmp_path / "r.json", *ignore)
        rests = ["--from-report", tmp_path / "r.json"]
    done = run("rebuild", store, tmp_path / "copy", "--drop-bad", "--ignore", "empty", *rests)
    assert (done.exception, done.return_value) == (None, 0)
    assert "ignoring empty (2 empty)" in done.stdout
    with lmdb.open(str(tmp_path / "copy"), readonly=True, lock=False) as env, env.begin() as txn:
        assert txn.stat()["entries"] == 39
        assert (txn.get(key(5)), txn.get(key(7))) == (None, b"")


def test_rows_are_ignored_by_their_table(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name in "ab":
            values = np.random.default_rng(1).random((20, 3))
            values[4, 1] = float("nan")
            file[f"{name}/data"] = values
    report = datacheck.scan(tmp_path / "x.h5", ignore=["nan:/a"])
    assert [it.key for it in report.findings] == ["/b[4]"]
    assert report.tally.ignored == {"nan": 1}


def test_what_nothing_decodes_may_be_ignored(tmp_path):
    write_lmdb(tmp_path / "env", {b"k%d" % n: bytes([1, 2, 3, n, 200, 7] * 9) for n in range(40)})
    assert datacheck.scan(tmp_path / "env").unverifiable == 40
    report = datacheck.scan(tmp_path / "env", ignore=["unknown-payload:k#"])
    assert (report.status, report.unverifiable, report.tally.ignored) == (0, 0, {"unknown-payload": 1})


def test_an_unknown_code_is_refused(store):
    done = run("scan", store, "--ignore", "emty")
    assert "did you mean 'empty'?" in str(done.exception)


def test_a_sample_is_not_the_whole(tmp_path):
    write_lmdb(tmp_path / "env", raw_records(300))
    done = run("scan", tmp_path / "env", "--sample", 100)
    assert done.return_value == 3
    assert "UNDECIDED: nothing wrong in the 100 of 300 records looked at\n" in done.stdout
    assert "to decide: without --sample" in done.stdout
    for all_of_them in ("300", "100%", "999"):
        assert datacheck.scan(tmp_path / "env", sample=all_of_them).status == 0
    write_lmdb(tmp_path / "bad", raw_records(300) | {key(n): b"" for n in range(300)} | {key(1): datum(pixels(1), 1)})
    assert datacheck.scan(tmp_path / "bad", sample=100).status == 1
