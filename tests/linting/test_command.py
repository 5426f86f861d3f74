"""Test `datacheck lint`: what goes to which stream, exit statuses, reports, and the schedule."""

import csv
import json
import subprocess
import sys

import jsonschema
import pytest
from building import fingerprint
from caffe_networks import lenet
from commanding import datacheck as command

import datacheck
from datacheck.reporting.document import schema

SOLVER = """\
net: "net.prototxt"
base_lr: 0.01
lr_policy: "multistep"
gamma: 0.1
stepvalue: 100
stepvalue: 200
max_iter: 300
"""


def run(*args, cwd=None):
    return command("lint", *args, cwd=cwd)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    (tmp_path / "net.prototxt").write_text(lenet().text)
    return tmp_path


def spoil(files):
    """Give the second pooling layer a window beyond the end of its input."""
    head, tail = (files / "net.prototxt").read_text().split('name: "pool2"')
    tail = tail.replace("pool: MAX kernel_size: 2 stride: 2", "pool: AVE kernel_size: 2 stride: 4", 1)
    (files / "net.prototxt").write_text(f'{head}name: "pool2"{tail}')


def test_clean_files(files):
    done = run("solver.prototxt", "net.prototxt", cwd=files)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "solver.prototxt: solver, 0 layers",
        "clean: nothing wrong",
        "net.prototxt: network, 11 layers",
        "clean: nothing wrong",
    ]
    assert run("--quiet", "solver.prototxt", cwd=files).stdout == ""
    assert run("--quiet", "--format", "json", "solver.prototxt", cwd=files).stdout == ""


def test_the_text_names_file_line_layer_and_fix(files):
    spoil(files)
    before = fingerprint(files)
    done = run("solver.prototxt", cwd=files)
    assert (done.returncode, done.stderr) == (1, "")
    line = next(at for at, it in enumerate((files / "net.prototxt").read_text().splitlines(), 1) if "stride: 4" in it)
    assert done.stdout.splitlines() == [
        "solver.prototxt: solver, 11 layers",
        "NOT CLEAN: 1 bad finding",
        f"  net.prototxt:{line}: layer 'pool2': empty-window (bad): over the height and width of 8, kernel 2 and "
        "stride 4 make 3 windows, the last of which begins at 8, behind the end: AVE divides 0 by 0, so the outputs "
        "there are NaN",
        "      fix: set round_mode: FLOOR, or a stride of at most the kernel (2)",
    ]
    assert fingerprint(files) == before


def test_the_reports(files):
    spoil(files)
    names = ("r.json", "r.jsonl", "r.csv")
    done = run("solver.prototxt", "--format", "json", *(it for name in names for it in ("--report", name)), cwd=files)
    assert done.returncode == 1
    said, kept = json.loads(done.stdout), json.loads((files / "r.json").read_text())
    assert {**said, "seconds": 0} == {**kept, "seconds": 0}
    jsonschema.validate(said, schema())
    source = {"path": "solver.prototxt", "backend": "prototxt", "decoder": "solver", "records": 11}
    assert {name: said["source"][name] for name in source} == source
    (finding,) = said["findings"]
    assert (finding["key"], finding["code"], finding["file"]) == ("pool2", "empty-window", "net.prototxt")
    assert finding["details"]["line"]
    assert (said["checked"], said["bad"]) == (11, 1)
    first, last = map(json.loads, (files / "r.jsonl").read_text().splitlines())
    assert (first["key"], last["bad"]) == ("pool2", 1)
    (row,) = csv.DictReader((files / "r.csv").read_text().splitlines())
    assert (row["file"], row["key"]) == ("net.prototxt", "net.prototxt:pool2")


def test_strict_lets_suspicious_findings_count(files):
    text = (files / "net.prototxt").read_text()
    (files / "net.prototxt").write_text(text.replace("loss_weight: 1\n", "loss_weight: 1e6\n"))
    assert "loss_weight: 1e6" in (files / "net.prototxt").read_text()
    assert run("net.prototxt", cwd=files).returncode == 0
    assert run("net.prototxt", "--strict", cwd=files).returncode == 1


def test_labels_and_root(files):
    done = run("solver.prototxt", "--labels", "11", cwd=files)
    assert (done.returncode, done.stdout.count("label (bad)")) == (1, 1)
    assert run("solver.prototxt", "--labels", "0:9", cwd=files).returncode == 0
    assert run("solver.prototxt", "--labels", ":9", cwd=files).returncode == 2
    assert "is not there" in run("solver.prototxt", "--root", "/nowhere", cwd=files).stdout
    assert "past max_iter" not in run("solver.prototxt", "--iterations", "400", cwd=files).stdout


GARBAGE = {
    "empty": b"",
    "binary": bytes(range(256)) * 40,
    "log": b"I1125 14:00:00.000000 1 solver.cpp:239] Iteration 0, loss = 1\nI1125 14:00",
    "words": b"only words\n" * 10,
    "nested": b"layer {" * 100_000,
    "garbage nested": b"a{" * 100_000,
    "endless line": b"a" * 50_000_000,
    "endless value": b'name: "' + b"a" * 50_000_000 + b'"',
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_one_sentence(tmp_path, name):
    (tmp_path / "file").write_bytes(GARBAGE[name])
    done = run("file", cwd=tmp_path)
    if name == "nested":  # it is a network, but Caffe would not parse it
        assert done.returncode == 1
        assert "malformed-prototxt (bad): messages are nested more than 64 deep" in done.stdout
        return
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("datacheck: file: ")
    assert len(done.stderr) < 200


def test_what_is_missing_does_not_stop_the_rest(files):
    done = run("nothing", "solver.prototxt", cwd=files)
    assert done.returncode == 2
    assert done.stderr == "datacheck: nothing: there is nothing at this path\n"
    assert "clean: nothing wrong" in done.stdout
    assert run(cwd=files).returncode == 2


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    (tmp_path / "net").write_text('layer { name: "a\\033[31m\\n" type: "Re\\033LU" bottom: "\\033x" top: "y" }')
    done = run("net", cwd=tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr


def test_the_schedule_as_a_table(files):
    done = run("solver.prototxt", "net.prototxt", "--schedule", "lr.csv", cwd=files)
    assert (done.returncode, done.stderr) == (0, "")
    assert (files / "lr.csv").read_text().splitlines() == [
        "iteration,learning_rate", "0,0.01", "100,0.001", "200,0.0001", "299,0.0001"
    ]  # fmt: skip


def test_the_schedule_as_a_picture(files):
    pytest.importorskip("matplotlib")
    (files / "solver.prototxt").write_text(
        'net: "net.prototxt" base_lr: 1 lr_policy: "exp" gamma: 1.01 max_iter: 10000000'
    )
    done = run("solver.prototxt", "--schedule", "lr.png", cwd=files)
    assert (done.returncode, done.stderr) == (1, "")
    assert "the learning rate is infinite from iteration 8917 on" in done.stdout
    assert (files / "lr.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["solver.prototxt", "--schedule", "lr.txt"], "ends in .png or .csv"),
        (["net.prototxt", "--schedule", "lr.csv"], "0 of the files are one"),
        (["none.prototxt", "--schedule", "lr.csv"], "there is no learning rate to draw"),
        (["solver.prototxt", "--schedule", "missing/lr.csv"], "could not be written"),
        (["solver.prototxt", "--iterations", "0"], "0"),
    ],
)
def test_a_schedule_that_cannot_be_drawn(files, args, words):
    (files / "none.prototxt").write_text('net: "net.prototxt" base_lr: 1 lr_policy: "fixed"')
    done = run(*args, cwd=files)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_every_rule_is_listed():
    listing = [sys.executable, "-m", "datacheck", "explain", "rules"]
    said = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    assert "empty-windows" in said
    assert "learning-rate" in said


def test_the_same_from_python(files):
    spoil(files)
    report = datacheck.lint(files / "solver.prototxt", root=files)
    assert not report.clean
    assert list(report.bad_keys()) == [f"{files / 'net.prototxt'}:pool2"]
    with pytest.raises(datacheck.SourceMissing):
        datacheck.lint(files / "nothing")


def test_a_long_run_is_judged_at_once(files):
    (files / "solver.prototxt").write_text(SOLVER.replace("max_iter: 300", "max_iter: 2147483647"))
    assert run("solver.prototxt", cwd=files).returncode == 0
