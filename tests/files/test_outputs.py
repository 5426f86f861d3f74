"""Test that a file is written whole or not at all, and only over what was meant to be replaced."""

import contextlib
import csv
import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from building import datum, key, pixels, raw_records, write_lmdb
from trees import KINDS, members, refused, run, store, tree

import datacheck
from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.files.guard import Guard
from datacheck.files.output import Output
from datacheck.model.escaping import unescape

REPORTS = ("r.json", "r.jsonl", "r.csv", "r.html")
SOLVER = 'base_lr: 0.1\nlr_policy: "step"\ngamma: 0.1\nstepsize: 10\nmax_iter: 40\nnet: "net.prototxt"\n'
NET = 'name: "n"\nlayer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } } }\n'
LINE = "I1126 12:00:%02d.000000  7 solver.cpp:239] Iteration %d, loss = 0.5\n"
LOG = "".join(LINE % (at, at) for at in range(0, 50, 10))


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def source(kind, tmp_path):
    (tmp_path / "data").mkdir()
    return store(kind, tmp_path / "data")


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def writers(tmp_path, out):
    """Return for each output the command up to the output's name, that name, and a file that the command reads."""
    env = write_lmdb(tmp_path / "env", raw_records(160, (3, 40, 40)) | {key(it): b"" for it in range(90, 160)})
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    (tmp_path / "train.log").write_text(LOG)
    solver, log = tmp_path / "solver.prototxt", tmp_path / "train.log"
    return {
        **{name: (("scan", env, "--report"), name, env / "data.mdb") for name in REPORTS},
        "receipt": (("rebuild", env, tmp_path / "t", "--dry-run", "--report"), "r.json", env / "data.mdb"),
        "save": (("show", env, "00000001", "--save"), "a.npy", env / "data.mdb"),
        "lint": (("lint", solver, "--report"), "r.json", solver),
        "lint-net": (("lint", solver, "--report"), "r.csv", tmp_path / "net.prototxt"),
        "table": (("lint", solver, "--schedule"), "s.csv", solver),
        "picture": (("lint", solver, "--schedule"), "s.png", solver),
        "series": (("log", log, "--report"), "s.csv", log),
        "plot": (("log", log, "--plot"), "p.png", log),
    }


WRITERS = (*REPORTS, "receipt", "save", "lint", "lint-net", "table", "picture", "series", "plot")
DRAWN = ("picture", "plot")


def command(writers, what):
    if what in DRAWN:
        pytest.importorskip("matplotlib")
    return writers[what]


# What is at the name already


@pytest.mark.parametrize("name", REPORTS)
def test_a_hard_link_of_any_file_of_a_source_is_no_report(kind, source, out, tmp_path, name):
    for number, file in enumerate(members(kind, source)):
        (out / str(number)).mkdir()
        os.link(file, out / str(number) / name)
        before = tree(tmp_path)
        assert "is the same file as" in refused("scan", source, "--report", out / str(number) / name)
        assert tree(tmp_path) == before


@pytest.mark.parametrize("what", WRITERS)
def test_a_hard_link_of_what_is_read_is_no_output(writers, out, tmp_path, what):
    words, name, read = command(writers, what)
    os.link(read, out / name)
    before = tree(tmp_path)
    assert "never written to" in refused(*words, out / name)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("what", WRITERS)
@pytest.mark.parametrize("leads", ["to a file", "to a source", "to nothing", "to itself", "to a folder"])
def test_a_link_is_not_followed(writers, out, tmp_path, what, leads):
    words, name, read = command(writers, what)
    (tmp_path / "bashrc").write_text("alias ls='ls --color'\n")
    goals = {
        "to a file": tmp_path / "bashrc",
        "to a source": read,
        "to nothing": tmp_path / "none",
        "to itself": out / name,
        "to a folder": out,
    }
    (out / name).symlink_to(goals[leads])
    before = tree(tmp_path)
    assert refused(*words, out / name).startswith(f"datacheck: {out / name}: ")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("what", WRITERS)
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: os.mknod(path, stat.S_IFSOCK | 0o600)])
def test_what_is_no_file_is_not_replaced(writers, out, tmp_path, what, make):
    words, name, _ = command(writers, what)
    make(out / name)
    before = tree(tmp_path)
    assert "not a file that could be replaced" in refused(*words, out / name)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("what", WRITERS)
def test_a_file_that_lies_there_is_replaced_whole(writers, out, tmp_path, what):
    words, name, _ = command(writers, what)
    (out / name).write_text("the earlier one")
    (out / name).chmod(0o640)
    os.link(out / name, out / "backup")
    before = tree(tmp_path, [out / name])
    status, _, complaint = run(*words, out / name)
    assert status in (0, 1, 3)
    assert complaint == ""
    assert tree(tmp_path, [out / name]) == before
    assert (out / "backup").read_text() == "the earlier one"  # the new file has an inode of its own
    assert (out / name).stat().st_size > 15
    assert stat.S_IMODE((out / name).stat().st_mode) == 0o640


def test_an_output_that_is_read_by_its_own_name_is_refused(tmp_path):
    source = store("hdf5-list", tmp_path)
    before = tree(tmp_path)
    assert "is the same file as" in refused("scan", source, "--report", tmp_path / "parts" / "b.csv")
    assert tree(tmp_path) == before
    env = store("lmdb-file", tmp_path / "parts").rename(tmp_path / "env.json")
    before = tree(tmp_path)
    assert "is the source" in refused("scan", env, "--report", env)
    assert tree(tmp_path) == before


def test_a_picture_of_a_list_is_no_report_of_its_network(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    (tmp_path / "list.txt").write_text("a.jpg 1\n")
    net = tmp_path / "net.prototxt"
    net.write_text(
        'layer { name: "d" type: "ImageData" top: "data" top: "label" '
        'image_data_param { source: "list.txt" batch_size: 1 } }\n'
    )
    os.link(tmp_path / "a.jpg", tmp_path / "r.json")
    before = tree(tmp_path)
    assert "is the same file as" in refused("scan", "--net", net, "--root", tmp_path, "--report", tmp_path / "r.json")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["r.json", "sub/r.json"])
@pytest.mark.parametrize("kind", ["lmdb", "leveldb", "hdf5-folder"])
def test_a_source_folder_takes_no_report_however_it_is_reached(tmp_path, out, kind, name):
    source = store(kind, tmp_path)
    (out / "way").symlink_to(source)
    for way in (source, out / "way", tmp_path / "out" / ".." / source.name):
        before = tree(tmp_path)
        said = refused("scan", source, "--report", way / name)
        assert "never written to" in said
        assert f"; name {os.path.relpath(source.parent)}/r.json" in said
        assert tree(tmp_path) == before


def test_two_outputs_of_one_name_are_refused(tmp_path, out, writers):
    (tmp_path / "way").symlink_to(out)
    env, solver = tmp_path / "env", tmp_path / "solver.prototxt"
    before = tree(tmp_path)
    assert "two outputs" in refused("scan", env, "--report", out / "r.json", "--report", tmp_path / "way" / "r.json")
    assert "two outputs" in refused("lint", solver, "--report", out / "r.csv", "--schedule", out / "r.csv")
    words = ("rebuild", env, out / "r.json", "--drop-bad", "--report")
    assert "is the target" in refused(*words, out / "r.json")
    assert "is the target" in refused(*words, tmp_path / "way" / "r.json")
    assert "lies in the target" in refused("rebuild", env, out / "t", "--report", out / "t" / "r.json")
    words = ("rebuild", env, tmp_path / "t", "--quarantine", out / "q")
    assert "lies in the quarantine" in refused(*words, "--report", out / "q" / "r.json")
    after = tree(tmp_path)  # a first output was begun and removed again
    assert after == {**before, str(out): after[str(out)]}


# Failure and interrupt


def test_a_run_that_fails_leaves_the_earlier_report(tmp_path, out):
    (tmp_path / "text").write_text("no log")
    env = write_lmdb(tmp_path / "env", raw_records(3))
    for name in (*REPORTS, "a.npy"):
        (out / name).write_text("the earlier one")
    reports = [word for name in REPORTS for word in ("--report", out / name)]
    before = tree(tmp_path, [out / "none"])
    for words in (
        ("scan", tmp_path / "nothere", *reports),
        ("lint", tmp_path / "nothere", *reports),
        ("log", tmp_path / "text", *reports),
        ("rebuild", tmp_path / "nothere", tmp_path / "t", "--report", out / "r.json"),
        ("rebuild", env, env, "--drop-bad", "--report", out / "r.json"),
        ("show", env, "nokey", "--save", out / "a.npy"),
    ):
        refused(*words)
        assert tree(tmp_path, [out / "none"]) == before


def test_a_validator_that_fails_leaves_the_earlier_report(tmp_path):
    def broken(batch):
        raise ZeroDivisionError

    env = write_lmdb(tmp_path / "env", raw_records(3))
    (tmp_path / "r.json").write_text("the earlier one")
    with pytest.raises(datacheck.ValidatorFailed):
        datacheck.scan(env, validators=[broken], reports=[tmp_path / "r.json"])
    assert sorted(it.name for it in tmp_path.iterdir()) == ["env", "r.json"]
    assert (tmp_path / "r.json").read_text() == "the earlier one"


@pytest.mark.parametrize("name", REPORTS)
def test_an_interrupted_scan_replaces_the_report_by_a_whole_one(tmp_path, name):
    def interrupt(done, total, bad):
        raise KeyboardInterrupt

    env = write_lmdb(tmp_path / "env", raw_records(300))
    (tmp_path / name).write_text("the earlier one")
    with pytest.raises(KeyboardInterrupt):
        datacheck.scan(env, reports=[tmp_path / name], progress=interrupt)
    text = (tmp_path / name).read_text()
    assert "the earlier one" not in text
    if name == "r.html":
        assert "This is not a verdict." in text
    elif name != "r.csv":
        assert json.loads(text.splitlines()[-1] if name == "r.jsonl" else text)["complete"] is False
    assert sorted(it.name for it in tmp_path.iterdir()) == ["env", name]


def test_a_growing_report_takes_a_name_that_is_free(tmp_path):
    env = write_lmdb(tmp_path / "env", raw_records(3))
    (tmp_path / "r.jsonl.partial").write_text("of a run that was killed")
    (tmp_path / "r.jsonl.partial-2").symlink_to("nowhere")
    before = tree(tmp_path, [tmp_path / "r.jsonl"])
    seen = []
    datacheck.scan(
        env, reports=[tmp_path / "r.jsonl"], progress=lambda *_: seen.append((tmp_path / "r.jsonl.partial-3").exists())
    )
    assert seen
    assert all(seen)
    assert tree(tmp_path, [tmp_path / "r.jsonl"]) == before


def test_a_name_that_becomes_a_link_meanwhile_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("mine")
    with Output(tmp_path / "r.json", Guard()) as output:
        (tmp_path / "r.json").symlink_to("precious")
        with pytest.raises(datacheck.UsageError, match="symbolic link"):
            output.publish()
    assert (tmp_path / "precious").read_text() == "mine"
    assert sorted(it.name for it in tmp_path.iterdir()) == ["precious", "r.json"]


def test_an_unfinished_file_that_was_taken_away_is_not_published(tmp_path):
    with Output(tmp_path / "r.json", Guard()) as output:
        (beside,) = tmp_path.iterdir()
        beside.rename(tmp_path / "moved")
        beside.write_text("of somebody else")
        with pytest.raises(datacheck.ReportFailed, match="removed the file"):
            output.publish()
    assert sorted(it.name for it in tmp_path.iterdir()) == sorted([beside.name, "moved"])
    assert beside.read_text() == "of somebody else"


# Full disks


@pytest.fixture
def full_disk(tmp_path):
    """A file system of 64 kB that is full and holds earlier reports."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    mounted = subprocess.run(words, capture_output=True, text=True, check=False)
    if mounted.returncode or folder.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    try:
        for name in ("r.json", "r.jsonl", "r.csv", "s.csv", "s.png", "p.png", "a.npy"):
            (folder / name).write_text("the earlier one")
        taken = 0
        with (folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while taken < 1 << 20:
                taken += file.write(bytes(4096))
        assert 0 < taken < 1 << 17
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("what", WRITERS)
def test_a_full_disk_leaves_what_was_there(writers, full_disk, what):
    words, name, _ = command(writers, what)
    before = tree(full_disk, [full_disk / "none"])
    assert refused(*words, full_disk / name).endswith(": could not be written: No space left on device\n")
    assert tree(full_disk, [full_disk / "none"]) == before


def too_large(descriptor):
    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


LIMITED = """
import resource, sys
sys.dont_write_bytecode = True  # of a compiled module the first 20 bytes would be written, and fail in every later run
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
from datacheck.cli.entry import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("what", [it for it in WRITERS if it not in DRAWN])
def test_a_file_that_may_not_grow_leaves_what_was_there(writers, out, tmp_path, what, monkeypatch):
    """This is like a full disk, but works wherever the tests run."""
    words, name, _ = command(writers, what)
    (out / name).write_text("the earlier one")
    before = tree(tmp_path, [out / "none"])
    if words[0] in ("lint", "log"):
        program = [sys.executable, "-c", LIMITED, *map(str, words), out / name]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        said = done.stderr
    else:  # the memory that workers share is a file too
        monkeypatch.setattr("datacheck.files.output.put_on_disk", too_large)
        said = refused(*words, out / name)
    assert said == f"datacheck: {out / name}: could not be written: File too large\n"
    assert tree(tmp_path, [out / "none"]) == before


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("stream", ["> /dev/full", ">&-", "| true; exit ${PIPESTATUS[0]}"])
def test_standard_output_that_takes_nothing(writers, tmp_path, unbuffered, stream):
    env = tmp_path / "env"
    commands = [["scan", env], ["scan", env, "--format", "json"], ["--help"], ["log", tmp_path / "train.log"]]
    if "full" in stream and unbuffered:
        commands += [["scan", "--schema"], ["--version"], ["show", env, "00000001"], ["demo", tmp_path / "demo"]]
        commands += [["lint", tmp_path / "solver.prototxt"], ["rebuild", env, tmp_path / "t", "--dry-run"]]
    for words in commands:
        program = ["bash", "-c", f'"{sys.executable}" -m datacheck "$@" {stream}', "bash", *map(str, words)]
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(program, capture_output=True, text=True, check=False, env=environment)
        if "full" in stream:
            said = "datacheck: standard output: could not be written: No space left on device\n"
            assert (done.returncode, done.stderr) == (2, said), words
        else:
            usual = 1 if words[0] == "scan" else 0
            assert done.stderr == "", words
            assert done.returncode in ((usual,) if "true" not in stream else (usual, 2)), words


def test_a_report_is_written_all_the_same_when_standard_output_takes_nothing(tmp_path):
    env = write_lmdb(tmp_path / "env", raw_records(3))
    line = f'"{sys.executable}" -m datacheck scan "$@" > /dev/full'
    program = ["bash", "-c", line, "bash", env, "--report", tmp_path / "r.json"]
    assert subprocess.run(program, capture_output=True, check=False).returncode == 2
    assert json.loads((tmp_path / "r.json").read_text())["checked"] == 3


def test_too_many_findings_for_the_temporary_folder(tmp_path, monkeypatch):
    env = write_lmdb(tmp_path / "env", raw_records(60) | {key(number): b"" for number in range(0, 60, 2)})
    (tmp_path / "r.json").write_text("the earlier one")
    monkeypatch.setattr("datacheck.reporting.finding_store.FINDINGS_IN_MEMORY", 3)
    monkeypatch.setattr("datacheck.reporting.finding_store.scratch_file", lambda: Path("/dev/full").open("wb", 0))  # noqa: SIM115
    before = tree(tmp_path, [tmp_path / "none"])
    said = refused("scan", env, "--report", tmp_path / "r.json")
    assert "No space left on device; set TMPDIR to a folder with room" in said
    assert tree(tmp_path, [tmp_path / "none"]) == before


def test_temporary_files_never_lie_in_the_working_directory(tmp_path, monkeypatch):
    tried = []

    def refuse(**options):
        tried.append(Path(options["dir"]))
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    from datacheck.files.scratch import scratch_file

    with pytest.raises(datacheck.ReportFailed, match="set TMPDIR"):
        scratch_file()
    assert tried[0] == Path("/nowhere")
    assert tmp_path not in tried
    assert Path() not in tried


# CSV

FORMULAS = [b"=1+1", b"+1", b"-1", b"@SUM(A1)", b"\t=1", b"\r=1", b"=", b"a=1", b"1-1", "＝1".encode()]


@pytest.mark.parametrize("write", [write_lmdb, lambda path, records: write_leveldb(path, sorted(records.items()))])
def test_a_key_is_no_formula_and_leads_back_to_its_record(tmp_path, write):
    env = tmp_path / "env"
    write(env, raw_records(40) | dict.fromkeys(FORMULAS, b""))
    run("scan", env, "--report", tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["code"] == "empty"]
    assert {unescape(row["key"]) for row in rows} == set(FORMULAS)
    for row in rows:
        assert int(row["index"]) >= 0
        assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in row.values())
        if row["key"].startswith("\\x3d"):
            status, said, _ = run("show", env, row["key"])
            assert status == 1
            assert said.startswith(f"{row['key']}: ") or "zero bytes" in said


def test_texts_are_no_formulas_and_numbers_stay_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "=env", raw_records(5) | {key(2): b""})
    run("scan", "=env", "--report", "r.csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["source"], row["key"], row["index"]) == ("'=env", "00000002", "2")
    log = LINE.replace("0.5", "-0.5") % (0, 0) + LINE.replace("0.5", "-inf") % (10, 10)
    (tmp_path / "-train.log").write_text(log)
    run("log", "--report", "s.csv", "--", "-train.log")
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["loss"]) for row in rows] == [("'-train.log", "-0.5"), ("'-train.log", "-inf")]


# Names


@pytest.mark.parametrize("name", [b"new\nline", b"\x1b[31mred", b"\xff\xfe", b"n" * 250, "ünï".encode(), b" ", b"-x"])
def test_names_of_every_kind_work_and_are_shown_plainly(tmp_path, name):
    folder = tmp_path / "d"
    folder.mkdir()
    env, target = folder / os.fsdecode(name), tmp_path / os.fsdecode(name)
    write_lmdb(folder / "env", raw_records(10) | {key(4): b""}).rename(env)
    report = tmp_path / (os.fsdecode(name) + ".json")
    status, said, complained = run("scan", env, "--report", report)
    assert (status, complained) == (1, "")
    assert json.loads(report.read_text())["bad"] == 1
    more = run("rebuild", env, target, "--drop-bad", "--quarantine", tmp_path / "q", "--report", tmp_path / "c.json")
    assert (more[0], more[2]) == (0, "")
    assert datacheck.scan(target).checked == 9
    again = refused("rebuild", env, target, "--drop-bad")
    for shown in (said, more[1], again):
        assert all(line.isprintable() for line in shown.splitlines())
    assert sorted(it.name for it in tmp_path.iterdir()) == sorted(["d", report.name, target.name, "q", "c.json"])


@pytest.mark.parametrize("name", ["n" * 256 + ".json", "a\0b.json", "", "..", "sub/.."])
def test_names_that_cannot_be_are_one_sentence(tmp_path, name):
    env = write_lmdb(tmp_path / "env", raw_records(3))
    before = tree(tmp_path)
    with pytest.raises((datacheck.UsageError, datacheck.ReportFailed)):
        datacheck.scan(env, reports=[tmp_path / name if name else ""])
    with pytest.raises((datacheck.UsageError, datacheck.ReportFailed)), Output(tmp_path / name if name else ""):
        pass
    assert tree(tmp_path) == before


def test_an_argument_that_is_quoted_is_quoted_plainly():
    status, _, complaint = run("scan", "--\x1b[31mred")
    assert status == 2
    assert "\x1b" not in complaint


# The demo


def test_the_demo_writes_only_into_a_folder_of_its_own(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "net.prototxt").write_text("mine")
    (tmp_path / "link").symlink_to("empty")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").write_text("mine")
    before = tree(tmp_path)
    for name in ("full", "link", "dangling", "file"):
        refused("demo", tmp_path / name)
        assert tree(tmp_path) == before


def test_saved_values_are_those_of_the_record(tmp_path):
    env = write_lmdb(tmp_path / "env", {key(1): datum(pixels(1), 1)})
    assert run("show", env, key(1).decode(), "--save", tmp_path / "a.npy")[0] == 0
    assert (np.load(tmp_path / "a.npy") == pixels(1)).all()
