"""Test special files in a dataset's folder: pipes, sockets, devices, files without end and dangling links.

Whatever it is and wherever it lies, a command ends at once, with one sentence or with a finding that names it.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from building import floats, key, pixels, raw_records, write_lmdb
from commanding import datacheck as command
from log_building import healthy
from log_building import run as logged

import datacheck
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.leveldb import log_writer
from datacheck.backends.leveldb.writer import is_installed
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.errors import DatacheckError, SourceMissing, SourceUnknown
from datacheck.files import regular

SECONDS = 60
"""Time limit in seconds. A command that waits for a pipe waits for ever; this must only outlast a busy machine."""
SPARSE = (1 << 44) - 65536
"""Size of the largest file of ext4, in bytes; other file systems can hold it too."""
CAPABILITIES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: without them root may read only what everybody may."""
PR_CAPBSET_DROP = 24


def run(*args, cwd, **options):
    return command(*args, cwd=cwd, text=False, timeout=SECONDS, **options)


def put(kind, path):
    """Put a special file at `path`, in place of the file there."""
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            before = Path.cwd()
            os.chdir(path.parent)  # the path of a socket has at most 108 bytes
            try:
                made.bind(path.name)
            finally:
                os.chdir(before)
    elif kind == "block":
        try:
            os.mknod(path, 0o060600, os.makedev(7, 250))
        except PermissionError:
            pytest.skip("a block device is made by root only")
    elif kind == "sparse":
        with path.open("wb") as file:
            try:
                file.truncate(SPARSE)
            except OSError:
                pytest.skip("this file system has no files of 16 TiB")
    else:
        path.symlink_to(kind)


def write_h5(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.stack([floats(number) for number in range(4)])
        file["label"] = np.arange(4)
    return path


def write_tables(path):
    """Write a LevelDB with one table."""
    if not is_installed():
        pytest.skip("plyvel, which writes tables, is not installed")
    import plyvel

    store = plyvel.DB(str(path), create_if_missing=True)
    for at, value in raw_records(20).items():
        store.put(at, value)
    store.compact_range()
    store.put(key(99), raw_records(1)[key(0)])  # so that the log is not empty
    store.close()
    return next(it for it in path.iterdir() if it.suffix in (".ldb", ".sst"))


def net(folder, layer, more=""):
    text = f'name: "n"\nlayer {{ name: "d" type: "{layer}" top: "data" top: "label" {more} }}\n'
    (folder / "net.prototxt").write_text(text)
    return "net.prototxt"


def data_layer(source, more=""):
    return f'data_param {{ source: "{source}" backend: LMDB batch_size: 1 }} {more}'


def at_source(folder):
    return folder / "it", ["scan", "it"]


def at_source_as_hdf5(folder):
    return folder / "it.h5", ["scan", "it.h5", "--backend", "hdf5"]


def at_rebuild(folder):
    return folder / "it", ["rebuild", "it", "out"]


def at_show(folder):
    return folder / "it", ["show", "it", "0"]


def at_net(folder):
    return folder / "it", ["scan", "--net", "it"]


def at_lint(folder):
    return folder / "it", ["lint", "it"]


def at_log(folder):
    return folder / "it", ["log", "it"]


def at_report(folder):
    write_lmdb(folder / "good", raw_records(20))
    return folder / "it", ["rebuild", "good", "out", "--from-report", "it"]


def at_data_mdb(folder):
    (folder / "store").mkdir()
    return folder / "store" / "data.mdb", ["scan", "store"]


def at_only_entry(folder):
    (folder / "store").mkdir()
    return folder / "store" / "it.h5", ["scan", "store"]


SENTENCES = [
    *(at_source, at_source_as_hdf5, at_rebuild, at_show, at_net, at_lint, at_log, at_report),
    at_data_mdb,
]
"""Places where a special file leaves nothing to do: one sentence and status 2."""


def at_entry(folder):
    (folder / "store").mkdir()
    write_h5(folder / "store" / "a.h5")
    return folder / "store" / "it.h5", ["scan", "store"]


def at_list_entry(folder):
    write_h5(folder / "a.h5")
    (folder / "list.txt").write_text("a.h5\nit.h5\n")
    return folder / "it.h5", ["scan", "list.txt"]


def at_current(folder):
    log_writer.create(folder / "store", raw_records(20).items())
    return folder / "store" / "CURRENT", ["scan", "store"]


def at_manifest(folder):
    log_writer.create(folder / "store", raw_records(20).items())
    return folder / "store" / "MANIFEST-000002", ["scan", "store"]


def at_level_log(folder):
    log_writer.create(folder / "store", raw_records(20).items())
    return folder / "store" / "000003.log", ["scan", "store"]


def at_table(folder):
    return write_tables(folder / "store"), ["scan", "store"]


def at_table_unlisted(folder):
    table = write_tables(folder / "store")
    for it in (folder / "store").glob("MANIFEST-*"):
        it.unlink()
    return table, ["scan", "store"]


def at_layer_source(folder):
    return folder / "it", ["scan", net(folder, "Data", data_layer("it"))]


def at_hdf5_list(folder):
    return folder / "it", ["scan", net(folder, "HDF5Data", 'hdf5_data_param { source: "it" batch_size: 1 }')]


def at_hdf5_list_entry(folder):
    write_h5(folder / "a.h5")
    (folder / "list.txt").write_text("a.h5\nit.h5\n")
    return folder / "it.h5", ["scan", net(folder, "HDF5Data", 'hdf5_data_param { source: "list.txt" batch_size: 1 }')]


def at_picture_list(folder):
    return folder / "it", ["scan", net(folder, "ImageData", 'image_data_param { source: "it" batch_size: 1 }')]


def at_picture(folder):
    (folder / "list.txt").write_text("it.jpg 0\n")
    more = 'image_data_param { source: "list.txt" batch_size: 1 }'
    return folder / "it.jpg", ["scan", net(folder, "ImageData", more)]


def at_mean(folder):
    write_lmdb(folder / "good", raw_records(20))
    return folder / "it", ["scan", net(folder, "Data", data_layer("good", 'transform_param { mean_file: "it" }'))]


def at_net_of_solver(folder):
    (folder / "solver.prototxt").write_text('net: "it"\nbase_lr: 0.1\nlr_policy: "fixed"\nmax_iter: 10\n')
    return folder / "it", ["lint", "solver.prototxt"]


def at_matrix(folder):
    more = data_layer("good") + ' } layer { name: "l" type: "InfogainLoss" bottom: "data" bottom: "label" top: "loss" '
    return folder / "it", ["lint", net(folder, "Data", more + 'infogain_loss_param { source: "it" }')]


FINDINGS = [
    *(at_entry, at_only_entry, at_list_entry, at_current, at_manifest, at_level_log, at_table, at_table_unlisted),
    *(at_layer_source, at_hdf5_list, at_hdf5_list_entry, at_picture_list, at_picture, at_mean),
    *(at_net_of_solver, at_matrix),
]
"""Places where a special file is part of something else: a finding there. A LevelDB may be left with nothing."""

KINDS = {
    "fifo": "named pipe",
    "socket": "socket",
    "block": "block device",
    "/dev/zero": "character device",
    "/dev/full": "character device",
    "/proc/self/mem": "kernel makes up|each process finds other files",
    "/proc/kmsg": "kernel makes up|each process finds other files",
}
FEW = [at_source, at_report, at_data_mdb, at_log, at_entry, at_level_log, at_table, at_picture]
CASES = [
    *(("fifo", place) for place in SENTENCES + FINDINGS),
    *(("/proc/self/mem", place) for place in SENTENCES + FINDINGS),
    *((kind, place) for kind in ("socket", "block", "/dev/zero", "/dev/full") for place in FEW),
    *(("/proc/kmsg", place) for place in (at_source, at_lint, at_current)),
]


@pytest.mark.parametrize(("kind", "place"), CASES, ids=lambda it: getattr(it, "__name__", it))
def test_what_is_no_file_is_named_at_once(tmp_path, kind, place):
    if kind.startswith("/") and not Path(kind).exists():
        pytest.skip(f"there is no {kind} here")
    path, args = place(tmp_path)
    put(kind, path)
    if kind.startswith("/proc") and not path.is_file():
        pytest.skip(f"{kind} is no file here")
    done = run(*args, cwd=tmp_path)
    said = done.stdout.decode() + done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert any(words in said.replace("\n", " ") for words in KINDS[kind].split("|")), said
    name = path.name if path.name != "data.mdb" else "store"
    assert name in said
    if place in SENTENCES:
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    else:
        assert (done.returncode, done.stderr.count(b"\n")) in ((1, 0), (2, 1))
    assert not (tmp_path / "out").exists()


SPARSE_STATUS = {
    **dict.fromkeys(SENTENCES, 2),
    **dict.fromkeys(FINDINGS, 1),
    at_level_log: 1,  # zeros after records may be preallocated, but a log of zeros alone is what a power cut leaves
    at_picture: 3,  # a file above our size limit says nothing about the picture
}


@pytest.mark.parametrize("place", SPARSE_STATUS, ids=lambda it: it.__name__)
def test_a_file_of_holes_of_any_size_costs_no_time(tmp_path, place):
    path, args = place(tmp_path)
    put("sparse", path)
    done = run(*args, cwd=tmp_path)
    assert b"Traceback" not in done.stderr
    assert done.returncode == SPARSE_STATUS[place], done
    assert done.stderr.count(b"\n") == (done.returncode == 2)


@pytest.mark.parametrize("place", [at_source, at_report, at_data_mdb, at_lint, at_log], ids=lambda it: it.__name__)
@pytest.mark.parametrize("kind", ["nowhere", "it", "data.mdb"])
def test_a_link_to_nowhere_or_in_a_circle_is_one_sentence(tmp_path, place, kind):
    path, args = place(tmp_path)
    put(kind, path)
    done = run(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["nowhere", "it.h5"])
def test_an_entry_that_leads_nowhere_is_not_passed_over(tmp_path, kind):
    path, args = at_entry(tmp_path)
    put(kind, path)
    done = run(*args, cwd=tmp_path)
    assert done.returncode == (1 if kind == "nowhere" else 3)
    assert b"it.h5" in done.stdout


def test_a_manifest_that_is_a_link_in_a_circle_is_a_finding(tmp_path):
    path, args = at_manifest(tmp_path)
    put(path.name, path)
    done = run(*args, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"MANIFEST-000002 cannot be read: Too many levels of symbolic links" in done.stdout
    assert b"20 records" in done.stdout


def test_the_sentences(tmp_path):
    """The sentences are literal, so that any change of them is noticed."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "lm").mkdir()
    os.mkfifo(tmp_path / "lm" / "data.mdb")
    hint = "is a named pipe, not a regular file; to read what comes through it: datacheck log - < pipe"
    for args, sentence in {
        ("scan", "pipe"): "pipe: is a named pipe, not a regular file",
        ("scan", "lm"): "lm: holds a data.mdb that is a named pipe, not a regular file",
        ("lint", "pipe"): "pipe: is a named pipe, not a regular file",
        ("log", "pipe"): f"pipe: {hint}",
        ("scan", ""): "'': is an empty name, not a path",
        ("log", ""): "'': is an empty name, not a path",
        ("scan", "a" * 300): f"{'a' * 300}: may not be read: File name too long",
        ("scan", "pipe/x"): "pipe/x: there is nothing at this path",
    }.items():
        assert run(*args, cwd=tmp_path).stderr.decode() == f"datacheck: {sentence}\n"


def test_standard_input_by_its_name_is_not_what_the_workers_have(tmp_path):
    write_h5(tmp_path / "a.h5")
    with (tmp_path / "a.h5").open("rb") as file:
        done = run("scan", "/dev/stdin", cwd=tmp_path, stdin=file)
    assert done.returncode == 2
    assert b"where each process finds other files; name the file itself" in done.stderr


def test_the_working_directory_is_scanned_where_it_is_named(tmp_path):
    write_h5(tmp_path / "a.h5")
    done = run("scan", ".", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"4 records" in done.stdout


def test_what_looks_alike_and_is_sound(tmp_path):
    write_lmdb(tmp_path / "lmdb", raw_records(20))
    write_h5(tmp_path / "a.h5")
    log_writer.create(tmp_path / "ldb", raw_records(20).items())
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "data.mdb").symlink_to(tmp_path / "lmdb" / "data.mdb")
    (tmp_path / "link").symlink_to("lmdb")
    (tmp_path / "link.h5").symlink_to("a.h5")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.h5").symlink_to(tmp_path / "a.h5")
    (tmp_path / "folder" / "sub.h5").mkdir()
    os.mkfifo(tmp_path / "ldb" / "LOG.pipe")  # beside the store's own files, not one of them
    os.mkfifo(tmp_path / "lmdb" / "lock.mdb.old")
    (tmp_path / "read-only").mkdir()
    write_lmdb(tmp_path / "read-only" / "lmdb", raw_records(20))
    (tmp_path / "read-only" / "lmdb").chmod(0o555)
    names = ["lmdb", "far", "link", "link.h5", "folder", "ldb", "read-only/lmdb"]
    done = run("scan", *names, "--skip", "constant", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"clean: nothing wrong") == len(names)


def test_a_log_may_come_through_standard_input(tmp_path):
    text = "".join(logged(healthy())).encode()
    assert run("log", "-", cwd=tmp_path, stdin=None, input=text).returncode == 0
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen([sys.executable, "-c", f"open('pipe', 'wb').write({text!r})"], cwd=tmp_path)
    with (tmp_path / "pipe").open("rb") as pipe:
        done = run("log", "-", cwd=tmp_path, stdin=pipe)
    assert (writer.wait(), done.returncode, done.stderr) == (0, 0, b"")


def test_a_log_from_a_closed_standard_input_is_a_sentence(tmp_path):
    done = run("log", "-", cwd=tmp_path, stdin=None, preexec_fn=lambda: os.close(0))
    assert (done.returncode, done.stderr) == (2, b"datacheck: -: standard input is closed\n")


NAMES = ["new\nline", "\x1b[31mred", "not\udcffutf8", "sp ace", "x" * 250]


@pytest.mark.parametrize("name", NAMES, ids=["newline", "control", "bytes", "blank", "long"])
def test_a_store_may_have_any_name(tmp_path, name):
    write_lmdb(tmp_path / "made", raw_records(20)).rename(tmp_path / name)
    done = run("scan", name, "--report", "r.json", "--format", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not set(done.stdout[:-1]) & set(b"\x1b\n\xff")
    done = run("rebuild", name, "out", "--from-report", "r.json", "--report", "r2.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    (tmp_path / name).rename(tmp_path / "gone")
    done = run("scan", name, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert not set(done.stderr) & set(b"\x1b\xff")


@pytest.mark.parametrize("name", NAMES, ids=["newline", "control", "bytes", "blank", "long"])
def test_hdf5_files_may_have_any_names(tmp_path, name):
    (tmp_path / "folder").mkdir()
    write_h5(tmp_path / "made").rename(tmp_path / "folder" / f"{name}.h5")
    os.mkfifo(tmp_path / "folder" / f"{name[:240]}pipe.h5")
    done = run("scan", "folder", "--report", "r.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, b"")
    assert not set(done.stdout) & set(b"\x1b\xff")
    (finding,) = json.loads((tmp_path / "r.json").read_text())["findings"]
    assert finding["message"].endswith("pipe.h5: not an HDF5 file: it is a named pipe, not a regular file")


@pytest.mark.parametrize(
    "name", ["a\0b", "a" * 300, "/".join(["a" * 200] * 30), ""], ids=["nul", "long", "deep", "empty"]
)
def test_a_name_that_no_file_can_have_is_an_error_of_ours(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "good", raw_records(20))
    for call in (
        lambda: datacheck.scan(name),
        lambda: datacheck.lint(name),
        lambda: datacheck.read_log(name),
        lambda: datacheck.rebuild(name, tmp_path / "out"),
        lambda: datacheck.rebuild("good", tmp_path / "out", from_report=name),
        lambda: datacheck.scan_net(name),
    ):
        with pytest.raises(DatacheckError):
            call()


def test_a_text_with_long_words_is_no_list(tmp_path):
    (tmp_path / "README").write_text("a" * 5000 + " " + "b" * 300 + "\n")
    with pytest.raises(SourceUnknown, match="is not an LMDB, LevelDB or HDF5 store"):
        datacheck.open_store(tmp_path / "README")


def as_anybody():
    """Let the process read only what the file modes allow, even if it is root's."""
    libc = ctypes.CDLL(None)
    for capability in CAPABILITIES:
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.parametrize("place", [at_source, at_data_mdb, at_report, at_log, at_level_log, at_current])
def test_what_may_not_be_read_is_one_sentence(tmp_path, place):
    path, args = place(tmp_path)
    path.write_bytes(b"something")
    path.chmod(0)
    done = run(*args, cwd=tmp_path, preexec_fn=as_anybody)
    assert done.returncode == 2
    assert b"ermission denied" in done.stderr or b"not readable" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("mode", [0, 0o600], ids=["closed", "listed only"])
def test_a_folder_that_may_not_be_entered_is_one_sentence(tmp_path, mode):
    for write in (
        lambda path: write_lmdb(path, raw_records(20)),
        lambda path: log_writer.create(path, raw_records(20).items()),
        lambda path: (path.mkdir(), write_h5(path / "a.h5")),
    ):
        path = tmp_path / "store"
        write(path)
        path.chmod(mode)
        done = run("scan", "store", cwd=tmp_path, preexec_fn=as_anybody)
        path.chmod(0o700)
        path.rename(tmp_path / f"done-{len(list(tmp_path.iterdir()))}")
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
        assert b"permission denied" in done.stderr


# Changes during the read


def replacing(path, kind):
    """Return a progress callback that replaces the file at `path` when the first records are done."""
    left = [path]

    def progress(done, total, bad):
        if done and left:
            put(kind, left.pop())

    return progress


def test_an_lmdb_that_becomes_a_pipe_while_it_is_read(tmp_path):
    store = write_lmdb(tmp_path / "store", {key(at): bytes(pixels(at, (3, 64, 64))) for at in range(800)})
    report = datacheck.scan(
        LmdbReader(store, shard_bytes=1 << 16), workers=1, progress=replacing(store / "data.mdb", "fifo")
    )
    codes = {it.code: it for it in report.findings}
    assert "named pipe" in codes["unsupported"].message
    assert codes["unsupported"].verdict == "unverifiable"
    assert not report.complete


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero"])
def test_an_hdf5_file_that_becomes_something_else_while_it_is_read(tmp_path, kind):
    files = tuple(write_h5(tmp_path / f"{number:02}.h5") for number in range(20))
    reader = Hdf5Reader(tmp_path, files, tuple(it.name for it in files))
    report = datacheck.scan(reader, workers=1, skip=("constant",), progress=replacing(files[-1], kind))
    finding, changed = report.findings
    assert (finding.code, finding.verdict, finding.file) == ("unsupported", "unverifiable", "19.h5")
    assert (changed.code, changed.verdict, changed.key) == ("source-changed", "unverifiable", None)
    assert "was replaced while it was read: it is a" in finding.message


def test_a_leveldb_whose_log_becomes_a_pipe_while_it_is_read(tmp_path):
    store = tmp_path / "store"
    log_writer.create(store, [(key(at), bytes(pixels(at, (3, 128, 128)))) for at in range(400)])
    report = datacheck.scan(store, workers=1, progress=replacing(store / "000003.log", "fifo"))
    assert report.tally.records < 400  # the scan ends


def test_a_picture_that_becomes_a_pipe_after_the_list_was_read(tmp_path):
    from datacheck.backends.image_list import ImageListReader

    for number in range(3000):
        (tmp_path / f"{number}.jpg").write_bytes(b"no picture")
    (tmp_path / "list.txt").write_text("".join(f"{number}.jpg 0\n" for number in range(3000)))
    reader = ImageListReader(tmp_path / "list.txt", tmp_path)
    report = datacheck.scan(reader, workers=1, progress=replacing(tmp_path / "2999.jpg", "fifo"))
    last = [it for it in report.findings if it.index == 2999]
    assert any("named pipe" in it.message for it in last)


# The module itself


def test_a_file_is_read_up_to_the_size_it_had(tmp_path):
    (tmp_path / "file").write_bytes(b"a" * 100)
    with regular.open_regular(tmp_path / "file") as file, (tmp_path / "file").open("ab") as more:
        more.write(b"b" * 1000)
        more.flush()
        assert file.read() == b"a" * 100
        assert file.read(10) == b""


def test_what_is_read_whole_has_a_bound(tmp_path):
    (tmp_path / "file").write_bytes(bytes(5 << 20))
    assert regular.read_whole(tmp_path / "file", 5 << 20) == bytes(5 << 20)
    with pytest.raises(regular.TooLarge, match="more than 4 MiB"):
        regular.read_whole(tmp_path / "file", 4 << 20)
    with pytest.raises(IsADirectoryError):
        regular.read_whole(tmp_path, 1)
    with pytest.raises(FileNotFoundError):
        regular.read_whole(tmp_path / "a\0b", 1)


def test_a_path_that_changes_between_the_look_and_the_opening_is_looked_at_again(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"a")
    opening = os.open

    def late(path, *args):
        put("fifo", Path(path))
        return opening(path, *args)

    monkeypatch.setattr(regular.os, "open", late)
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else None
    with pytest.raises(regular.NotRegular) as raised:
        regular.open_descriptor(tmp_path / "file")
    assert raised.value.kind == "a named pipe"
    if before is not None:
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_errors_travel_between_processes():
    import pickle

    for error in (regular.NotRegular("a", "a socket"), regular.TooLarge("a", 1 << 30)):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.filename) == (type(error), str(error), "a")


def test_a_dangling_link_is_missing(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(SourceMissing):
        datacheck.open_store(tmp_path / "link")
