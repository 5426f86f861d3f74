"""Test failing disks and networks: reads are tried again, and a failure is held against no record, whoever reads.

If there is a C compiler, a preloaded library makes reads of the processes fail. It does not affect reads through a map,
so for LMDB a worker kills itself with SIGBUS, which is what such a failure becomes.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
from building import key
from leveldb_building import internal, write_store
from live_writers import npy
from patching import command, patched

from datacheck.backends.hdf5.file import OpenFile, opened
from datacheck.backends.hdf5.library.mended import Mended
from datacheck.files import retrying
from datacheck.files.regular import open_regular
from datacheck.model.slips import DISK, ENVIRONMENT, errno_of

COUNT = 200


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(retrying, "_failures", 0)


class Disk:
    """Reads that fail a number of times, and then give something."""

    def __init__(self, times, number=errno.EIO):
        self.times, self.number, self.asked = times, number, 0

    def __call__(self, *args):
        self.asked += 1
        if self.asked <= self.times:
            raise OSError(self.number, os.strerror(self.number))
        return b"x"


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENXIO, errno.EREMOTEIO])
@pytest.mark.parametrize("times", [0, 1, 2])
def test_what_fails_once_or_twice_is_read(number, times):
    disk = Disk(times, number)
    assert retrying.retried(disk) == b"x"
    assert disk.asked == times + 1


def test_what_fails_again_and_again_is_raised_as_it_came():
    disk = Disk(99)
    with pytest.raises(OSError, match="Input/output error") as caught:
        retrying.retried(disk)
    assert (caught.value.errno, disk.asked) == (errno.EIO, 3)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EINVAL, errno.ENOSPC, errno.EMFILE])
def test_what_no_disk_says_is_not_tried_again(number):
    disk = Disk(99, number)
    with pytest.raises(OSError, match=os.strerror(number)):
        retrying.retried(disk)
    assert disk.asked == 1


def test_of_a_dead_disk_nothing_is_tried_twice_until_it_gives_something():
    for _ in range(retrying.MOST_FAILURES):
        with pytest.raises(OSError, match="Input/output error"):
            retrying.retried(Disk(99))
    dead = Disk(99)
    with pytest.raises(OSError, match="Input/output error"):
        retrying.retried(dead)
    assert dead.asked == 1
    assert retrying.retried(Disk(0)) == b"x"
    assert retrying.retried(Disk(2)) == b"x"


def test_an_open_file_is_read_again(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    sound, disk = os.pread, Disk(2)

    def pread(*args):
        disk(*args)
        return sound(*args)

    monkeypatch.setattr(os, "pread", pread)
    with open_regular(path) as file:
        assert retrying.pread(file.fileno(), 3, 0) == b"abc"
    assert disk.asked == 3


def test_what_hdf5_puts_into_words_is_the_same_error():
    with pytest.raises(OSError, match="errno = 5") as caught:  # the kernel does not read a page that is not mapped
        h5py.File("/proc/self/mem", "r", driver="sec2", locking=False)
    assert errno_of(caught.value) == errno.EIO
    in_words = OSError(str(caught.value).replace("[Errno 5] ", ""))
    assert errno_of(in_words) == errno.EIO
    named = "file read failed: filename = 'file descriptor = 1, errno = 5, error message = ', file descriptor = 3, "
    assert errno_of(OSError(named + "errno = 22, error message = 'Invalid argument'")) == errno.EINVAL
    assert errno_of(OSError("errno = 5")) is None
    assert errno_of(ValueError(str(in_words))) is None


def test_every_error_of_a_disk_is_one_of_the_machine():
    assert DISK < ENVIRONMENT
    assert {
        errno.EIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ENXIO,
        errno.ENODEV,
        errno.EREMOTEIO,
        errno.EHOSTDOWN,
    } < DISK
    assert not {errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ELOOP} & ENVIRONMENT


def write(kind, folder, bad=()):
    """Write a store; return it with the file and range that are to fail, and the names of the records in there."""
    values = np.random.default_rng(0).normal(size=(COUNT, 500))
    values[list(bad), 3] = np.nan
    if kind in ("chunked", "contiguous"):
        options = {"chunks": (10, 500), "compression": "gzip", "fletcher32": True} if kind == "chunked" else {}
        with h5py.File(folder / "rows.h5", "w") as file:
            data = file.create_dataset("data", data=values, **options)
            if kind == "chunked":
                where = data.id.get_chunk_info_by_coord((70, 0))
                place, names = where.byte_offset, [f"/[{row}]" for row in range(70, 80)]
            else:
                place, names = data.id.get_offset() + 70 * 4000, ["/[70]"]
        return folder / "rows.h5", "rows.h5", (place + 100, place + 200), names
    rows = [(internal(key(n), n + 1), npy(n, 300)) for n in range(COUNT)]
    tables = {5: (1, [rows[at : at + 10] for at in range(0, COUNT, 10)])}
    return write_store(folder / "level", tables, {8: []}), "000005.ldb", (60_000, 60_100), None


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("no C compiler, or no Linux, to have the reads of other processes fail")
    library = tmp_path_factory.mktemp("shim") / "failing.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60)
    return library


def failing(shim, file, stretch, *words, number=errno.EIO):
    """Run the command while reads of a range of a file fail."""
    first, last = map(str, stretch)
    fail = {"FAIL_FILE": file, "FAIL_FROM": first, "FAIL_TO": last, "FAIL_ERRNO": str(number)}
    return subprocess.run(
        [sys.executable, "-m", "datacheck", *map(str, words)],
        env={**os.environ, **fail, "LD_PRELOAD": str(shim)}, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["chunked", "contiguous", "leveldb"])
def test_a_scan_holds_a_failing_disk_against_no_record(tmp_path, shim, kind):
    path, file, stretch, names = write(kind, tmp_path)
    report = tmp_path / "report.json"
    done = failing(shim, file, stretch, "scan", path, "--workers", 1, "--report", report)
    assert (done.returncode, done.stderr) == (3, ""), done.stdout
    document = json.loads(report.read_text())
    unread = [it for it in document["findings"] if it["code"] == "unreadable"]
    assert unread
    assert {it["code"] for it in document["findings"]} <= {"unreadable", "stale"}
    assert {it["verdict"] for it in unread} == {"unverifiable"}
    assert {it["details"]["errno"] for it in unread} == {"EIO"}
    assert all("Input/output error" in it["message"] for it in unread)
    if names is not None:
        assert [it["key"] for it in unread] == names
    assert document["bad"] == 0


def test_the_bad_records_of_a_failing_disk_stay_bad_and_the_others_are_no_worse(tmp_path, shim):
    path, file, stretch, names = write("contiguous", tmp_path, bad=[69, 71])
    report = tmp_path / "report.json"
    done = failing(shim, file, stretch, "scan", path, "--workers", 1, "--report", report, number=errno.ESTALE)
    assert done.returncode == 1, done.stderr
    said = [(it["key"], it["code"], it["verdict"]) for it in json.loads(report.read_text())["findings"]]
    assert said == [("/[69]", "nan", "bad"), (names[0], "unreadable", "unverifiable"), ("/[71]", "nan", "bad")]


@pytest.mark.parametrize("kind", ["chunked", pytest.param("leveldb", marks=pytest.mark.writes_leveldb)])
def test_a_rebuild_refuses_while_a_record_cannot_be_read(tmp_path, shim, kind):
    path, file, stretch, _ = write(kind, tmp_path)
    done = failing(shim, file, stretch, "rebuild", path, tmp_path / "copy", "--drop-bad", "--workers", 1)
    assert done.returncode == 2, done.stdout
    assert "could not be read (EIO), and may well be sound; try again when the disk or the network works" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "copy").exists()


def test_a_rebuild_refuses_if_the_disk_fails_only_then(tmp_path, shim):
    path, file, stretch, _ = write("chunked", tmp_path, bad=[3])
    report = tmp_path / "report.json"
    assert failing(shim, "nothing", (0, 0), "scan", path, "--report", report).returncode == 1
    words = ("rebuild", path, tmp_path / "copy.h5", "--drop-bad", "--from-report", report)
    done = failing(shim, file, stretch, *words)
    assert done.returncode == 2, done.stdout
    assert "the source cannot be read: Input/output error" in done.stderr
    assert not (tmp_path / "copy.h5").exists()


@pytest.mark.parametrize("kind", ["chunked", "leveldb"])
def test_show_does_not_say_that_there_is_no_such_record(tmp_path, shim, kind):
    path, file, stretch, names = write(kind, tmp_path)
    if kind == "leveldb":
        stretch, names = (0, 1 << 40), ["00000007"]
    done = failing(shim, file, stretch, "show", path, names[0])
    assert done.returncode in (2, 3), done.stdout
    assert "no record" not in done.stdout + done.stderr
    assert "Input/output error" in done.stdout + done.stderr


def test_rows_behind_a_read_that_failed_are_what_they_are(tmp_path):
    path, _, (first, last), _ = write("contiguous", tmp_path)
    with opened(path) as file:
        assert file.file.id.get_access_plist().get_sieve_buf_size() == 0

    class Failing(Mended):
        def readinto(self, into):
            if self._at < last and self._at + len(into) > first:
                raise OSError(errno.EIO, "Input/output error")
            return super().readinto(into)

    mended = Failing(path, OpenFile(path).block)
    from datacheck.backends.hdf5.file import _open_mended

    with _open_mended(mended) as file:
        data = file["data"]
        for _ in range(3):
            with pytest.raises(OSError, match="Input/output error"):
                data[70]
            assert data[71].std() > 0.5
    mended.close()


def test_a_worker_that_dies_of_a_failing_disk_in_a_map_is_told_from_one_that_dies_of_the_data(tmp_path):
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 26) as environment, environment.begin(write=True) as transaction:
        for number in range(30):
            transaction.put(key(number), npy(number, 3000))
    value = npy(7, 3000)
    place = path.joinpath("data.mdb").read_bytes().index(value)
    before = "    return retried(lambda: os.pread(descriptor, size, offset))\n"
    failing = f"    if offset <= {place} < offset + size <= offset + 20_000:\n"
    after = f"{failing}        raise OSError(5, os.strerror(5))\n{before}"
    lib = patched(tmp_path, "files/retrying.py", before, after)
    direct = lib / "datacheck" / "backends" / "lmdb" / "direct.py"
    text = direct.read_text()
    assert text.count("pages.map") >= 1
    text = text.replace("    def pairs(self, ", "    def pairs(self, *args):\n        import os, signal\n"
                        "        os.kill(os.getpid(), signal.SIGBUS)\n\n    def sound_pairs(self, ")  # fmt: skip
    direct.write_text(text)
    report = tmp_path / "report.json"
    done = command(lib, "scan", path, "--workers", 1, "--report", report)
    assert (done.returncode, done.stderr) == (3, ""), done.stdout
    document = json.loads(report.read_text())
    (finding,) = (it for it in document["findings"] if it["key"] is not None)
    assert {it["verdict"] for it in document["findings"]} == {"unverifiable"}
    assert (finding["key"], finding["code"], finding["verdict"]) == ("00000007", "unreadable", "unverifiable")
    assert finding["details"]["errno"] == "EIO"
    assert document["checked"] == 30
