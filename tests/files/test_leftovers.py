"""Test that an apparent leftover of a dead rebuild is removed only if a rebuild made it and nothing in it is read."""

import os
import subprocess
from pathlib import Path

import pytest
from trees import run, store, table, tree

import datacheck
from datacheck.files import staging
from datacheck.files.marking import MAGIC, MARK, STAMP, mark, stamp
from datacheck.files.staging import Workplace


def left_by_a_dead_run(target):
    """Return a folder as left behind by a rebuild of `target` that died."""
    folder = target.with_name(f".{target.name}.12345678.datacheck-partial")
    folder.mkdir(mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    assert stamp(descriptor)
    mark(descriptor, target.name)
    os.close(descriptor)
    return folder


def move_behind_a_link(source, folder, name):
    """Move a source into a folder, and leave a link to it in its place."""
    real = folder / name
    source.rename(real)
    source.symlink_to(os.path.relpath(real, source.parent))
    return real


@pytest.mark.parametrize("words", ["as it was once written", "of another folder"])
@pytest.mark.parametrize(
    "kind", ["lmdb", pytest.param("leveldb", marks=pytest.mark.writes_leveldb), "hdf5", "hdf5-folder"]
)
@pytest.mark.parametrize("name", ["real", "copy"])
def test_a_forged_mark_removes_nothing(tmp_path, kind, words, name):
    source, target = store(kind, tmp_path), tmp_path / "clean"
    folder = left_by_a_dead_run(target)
    if words == "as it was once written":
        (folder / MARK).write_bytes(MAGIC + os.fsencode(target.name))
    else:  # as an archive of a leftover restores it, with all times and modes
        subprocess.run(["tar", "-C", tmp_path, "-cf", tmp_path / "a.tar", folder.name], check=True)
        (tmp_path / "old").mkdir()
        folder.rename(tmp_path / "old" / "one")  # so that no inode is reused
        subprocess.run(["tar", "-C", tmp_path, "-xpf", tmp_path / "a.tar"], check=True)
    real = move_behind_a_link(source, folder, name)
    before = tree(tmp_path, [target])
    status, _, complaint = run("rebuild", source, target, "--drop-bad")
    assert (status, complaint) == (0, "")
    assert real.exists()
    assert tree(tmp_path, [target]) == before
    assert datacheck.scan(target).clean


def test_a_mark_moved_to_another_folder_removes_nothing(tmp_path):
    """The stamp is the one that the mark names, but the folder is another."""
    target = tmp_path / "clean"
    folder = left_by_a_dead_run(target)
    (tmp_path / "mine" / "copy").mkdir(parents=True)
    for name in (MARK, STAMP):
        (folder / name).rename(tmp_path / "mine" / name)
    folder.rmdir()
    (tmp_path / "mine").rename(folder)
    with Workplace(target):
        pass
    assert (folder / "copy").is_dir()


@pytest.mark.parametrize(
    "kind", ["lmdb", "lmdb-file", pytest.param("leveldb", marks=pytest.mark.writes_leveldb), "hdf5", "hdf5-folder"]
)
def test_a_leftover_that_holds_the_source_is_left(tmp_path, kind):
    """It is left even if its mark is a true one."""
    source, target = store(kind, tmp_path), tmp_path / "clean"
    real = move_behind_a_link(source, left_by_a_dead_run(target), "copy")
    before = tree(tmp_path, [target])
    assert run("rebuild", source, target, "--drop-bad")[0] == 0
    assert real.exists()
    assert tree(tmp_path, [target]) == before


def test_a_leftover_that_holds_what_a_list_names_is_left(tmp_path):
    source, target, quarantine = store("hdf5-list", tmp_path), tmp_path / "clean.txt", tmp_path / "held"
    for place in (target, quarantine):
        (left_by_a_dead_run(place) / "copy").mkdir()
    for name, place in (("a.h5", target), ("b.csv", quarantine)):
        folder = place.with_name(f".{place.name}.12345678.datacheck-partial") / "copy"
        move_behind_a_link(tmp_path / "parts" / name, folder, name)
    before = tree(tmp_path, [target, quarantine])
    assert run("rebuild", source, target, "--drop-bad", "--quarantine", quarantine)[0] == 0
    assert tree(tmp_path, [target, quarantine]) == before


def test_a_leftover_that_holds_the_report_is_left(tmp_path):
    source, target = store("lmdb", tmp_path), tmp_path / "clean"
    folder = left_by_a_dead_run(target)
    (folder / "copy").mkdir()
    run("scan", source, "--report", folder / "copy" / "r.json")
    before = tree(tmp_path, [target])
    assert run("rebuild", source, target, "--drop-bad", "--from-report", folder / "copy" / "r.json")[0] == 0
    assert tree(tmp_path, [target]) == before


def test_a_leftover_that_holds_what_no_rebuild_puts_there_is_left(tmp_path):
    source, target = store("lmdb", tmp_path), tmp_path / "clean"
    folder = left_by_a_dead_run(target)
    (folder / "thesis.txt").write_text("mine")
    before = tree(tmp_path, [target])
    assert run("rebuild", source, target, "--drop-bad")[0] == 0
    assert tree(tmp_path, [target]) == before


def test_a_leftover_of_a_leftover_is_removed(tmp_path):
    """A run was killed while it removed what an earlier one had left, which then lay in its own folder."""
    source, target = store("lmdb", tmp_path), tmp_path / "clean"
    first = left_by_a_dead_run(target)
    (first / "copy").mkdir()
    table(first / "copy" / "a.h5")
    inner = first.rename(tmp_path / "inner")
    second = left_by_a_dead_run(target)
    inner.rename(second / "left-0")
    for name in ("dropped.indexes", "altered.indexes"):
        (second / name).touch()
    assert run("rebuild", source, target, "--drop-bad")[0] == 0
    assert not second.exists()


@pytest.mark.parametrize("names", [[], [STAMP], [STAMP, MARK]])
def test_what_a_run_left_that_was_cut_before_its_mark_is_removed(tmp_path, names):
    folder = tmp_path / ".t.12345678.datacheck-partial"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    with Workplace(tmp_path / "t"):
        assert not folder.exists()


@pytest.mark.parametrize("inside", ["a file", "a stamp that is a folder", "a stamp with words"])
def test_what_is_not_marked_and_not_empty_is_left(tmp_path, inside):
    folder = tmp_path / ".t.12345678.datacheck-partial"
    folder.mkdir()
    if inside == "a file":
        (folder / "copy").touch()
    elif inside == "a stamp that is a folder":
        (folder / STAMP).mkdir()
    else:
        (folder / STAMP).write_text("mine")
    before = tree(folder)
    with Workplace(tmp_path / "t"):
        pass
    assert tree(folder) == before


def test_what_others_put_into_the_work_folder_is_not_removed(tmp_path):
    with Workplace(tmp_path / "t") as work:
        (work.path / "copy").mkdir()
        (work.path / "thesis.txt").write_text("mine")
    assert sorted(it.name for it in work.path.iterdir()) == ["thesis.txt"]


def swapping(monkeypatch, other):
    """Replace each work folder by another folder, as soon as it is made."""
    mkdir = os.mkdir

    def swap(name, *args, **options):
        mkdir(name, *args, **options)
        if str(name).endswith(staging.ENDING):
            (other.parent / name).rename(other.parent / "away")
            other.rename(other.parent / name)
            other.symlink_to(name)

    monkeypatch.setattr(staging.os, "mkdir", swap)


@pytest.mark.parametrize("what", ["a thesis", "a folder that is open to others", "a folder of another user"])
def test_another_folder_in_place_of_the_new_one_is_not_touched(tmp_path, monkeypatch, what):
    other = tmp_path / "thesis"
    other.mkdir(mode=0o700)
    if what == "a thesis":
        (other / "copy").write_text("mine")
    elif what == "a folder that is open to others":
        other.chmod(0o770)
    elif os.geteuid():
        pytest.skip("only root can give files to another user")
    else:
        os.chown(other, 65534, 65534)
    before = tree(other.resolve(), [other / "none"] if what != "a thesis" else [])
    swapping(monkeypatch, other)
    with (
        pytest.raises(datacheck.RebuildFailed, match="another process put something else in place of"),
        Workplace(tmp_path / "t"),
    ):
        pass
    now = tree(other.resolve(), [other.resolve() / "none"] if what != "a thesis" else [])
    assert [it[1:3] + it[5:] for it in now.values()] == [it[1:3] + it[5:] for it in before.values()]
    assert other.exists()


def test_a_file_system_that_keeps_no_modes_is_good_enough(tmp_path, monkeypatch):
    fstat = os.fstat

    def open_to_all(descriptor):
        status = fstat(descriptor)
        return os.stat_result((status.st_mode | 0o777, *status[1:]), {"st_ctime_ns": status.st_ctime_ns})

    monkeypatch.setattr("datacheck.files.marking.os.fstat", open_to_all)
    with Workplace(tmp_path / "t") as work:
        (work.path / "copy").mkdir()
        work.publish(work.path / "copy")
    assert [it.name for it in tmp_path.iterdir()] == ["t"]


def test_without_locks_there_is_no_mark_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "_lock", lambda folder: False)
    with Workplace(tmp_path / "t") as work:
        assert not (Path(work.path) / MARK).exists()
    assert list(tmp_path.iterdir()) == []
