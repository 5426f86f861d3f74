"""Test that `show` never calls a record sound that was not judged, nor says that an existing record is missing."""

import errno
from dataclasses import dataclass

import h5py
import lmdb
import numpy as np
import pytest
from building import datum, floats, key, pixels, raw_records, write_lmdb
from click.testing import CliRunner

from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.backends.shared.searching import count_records, not_found
from datacheck.cli.entry import cli
from datacheck.errors import PartUnread, RecordMissing
from datacheck.model.blocks import Block
from datacheck.model.finding import found
from datacheck.scanning.settings.make_settings import make
from datacheck.showing.record import show_record


def run(*args):
    return CliRunner().invoke(cli, ["show", *map(str, args)], standalone_mode=False)


def test_what_nothing_decodes_is_undecided(tmp_path):
    write_lmdb(tmp_path / "env", {b"k%d" % n: bytes([1, 2, 3, n, 200, 7] * 9) for n in range(40)})
    done = run(tmp_path / "env", "k3")
    assert done.return_value == 3
    assert "unknown-payload (unverifiable)" in done.stdout
    assert "nothing wrong" not in done.stdout


def test_what_was_not_checked_is_said(tmp_path):
    broken = floats(5)
    broken[0, 0, 0] = float("nan")
    write_lmdb(tmp_path / "env", {key(n): datum(floats(n), n % 3) for n in range(30)} | {key(5): datum(broken, 1)})
    assert run(tmp_path / "env", "00000005").return_value == 1
    skipped = run(tmp_path / "env", "00000005", "--skip", "finite").stdout
    assert skipped.endswith("  nothing wrong; not checked: finite\n")
    assert run(tmp_path / "env", "00000005", "--ignore", "nan").stdout.endswith("  nothing wrong; ignoring nan\n")
    assert run(tmp_path / "env", "00000006").stdout.endswith("  nothing wrong\n")


def test_every_option_of_a_scan_is_taken(tmp_path):
    write_lmdb(tmp_path / "env", {key(n): datum(floats(n), n % 3) for n in range(30)})
    assert "out-of-range (bad)" in run(tmp_path / "env", "00000004", "--range", "data=0:1").stdout
    assert "label (bad)" in run(tmp_path / "env", "00000005", "--labels", "2").stdout
    assert "shape (bad)" in run(tmp_path / "env", "00000004", "--shape", "1,2,3").stdout


def test_strict_counts_what_is_suspicious(tmp_path):
    write_lmdb(tmp_path / "env", raw_records(30) | {key(3): datum(np.full((3, 8, 8), 7, np.uint8), 3)})
    assert run(tmp_path / "env", "00000003").return_value == 0
    assert run(tmp_path / "env", "00000003", "--strict").return_value == 1


def test_a_key_behind_its_database_or_file(tmp_path):
    with lmdb.open(str(tmp_path / "env"), max_dbs=4) as env:
        for name, shade in ((b"one", 1), (b"two", 2)):
            handle = env.open_db(name)
            with env.begin(write=True, db=handle) as txn:
                for n in range(30):
                    txn.put(key(n), datum(pixels(n), shade))
    for name, shade in (("one", 1), ("two", 2)):
        assert f"  label: {shade}\n" in run(tmp_path / "env", f"{name}:00000004").stdout
    assert isinstance(run(tmp_path / "env", "three:00000004").exception, RecordMissing)
    (tmp_path / "folder").mkdir()
    for name in "ab":
        with h5py.File(tmp_path / "folder" / f"{name}.h5", "w") as file:
            file["data"] = np.full((20, 2), ord(name)) + np.random.default_rng(1).random((20, 2))
    for name in "ab":
        assert f"min {ord(name)}." in run(tmp_path / "folder", f"{name}.h5:/[4]").stdout


def test_a_key_with_a_colon_is_itself(tmp_path):
    write_lmdb(tmp_path / "env", {b"a:%d" % n: datum(pixels(n), n % 3) for n in range(30)})
    assert run(tmp_path / "env", "a:7").return_value == 0


@dataclass(frozen=True)
class Unlucky(LmdbReader):
    """A reader that cannot look up a record: a part could not be read, or with `number` the system failed."""

    verdict: str | None = None
    number: int = 0

    def find(self, name):
        if self.number:
            raise OSError(self.number, "the disk")
        not_found([found("unreadable", "a page could not be read: Input/output error", verdict=self.verdict)])


def shown(path, **more):
    return show_record(Unlucky(path, **more), "00000004", make(workers=1))


def test_a_part_that_could_not_be_read_is_not_taken_for_empty(tmp_path):
    write_lmdb(tmp_path / "env", raw_records(30))
    record = shown(tmp_path / "env", verdict="unverifiable")
    assert record.status == 3
    assert "has no record" not in record.text
    assert record.text.endswith("a page could not be read: Input/output error")
    with pytest.raises(RecordMissing, match="in what can be read: a page could not be read"):
        shown(tmp_path / "env")


def test_findings_of_a_store_that_hide_nothing_are_passed_over():
    unread = []
    of_store = found("orphan", "a page that nothing leads to"), found("unreadable", "a page")
    assert count_records([Block([], [], findings=[(None, it) for it in of_store])], unread) == 0
    assert unread == [of_store[1]]
    with pytest.raises(PartUnread) as error:
        not_found(unread)
    assert (error.value.damaged, str(error.value)) == (True, "a page")
    not_found([])


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_disk_that_fails_says_nothing_of_the_record(tmp_path, number):
    write_lmdb(tmp_path / "env", raw_records(30))
    record = shown(tmp_path / "env", number=number)
    assert record.status == 3
    assert "has no record" not in record.text
