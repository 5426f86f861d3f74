"""Test that renaming the work folder and putting a link in its place makes no rebuild write through the link."""

import os
import stat

import pytest
from trees import WRITTEN, run, store, tree

import datacheck
from datacheck.files import staging
from datacheck.files.staging import Workplace


def put_links(folder, victim):
    """Rename each work folder in a folder, and put a link to the victim in its place."""
    work = [it for it in folder.iterdir() if it.name.endswith(staging.ENDING) and not it.is_symlink()]
    for number, path in enumerate(work):
        path.rename(folder / f"moved-{number}")
        path.symlink_to(victim)
    return len(work)


@pytest.fixture
def victim(tmp_path):
    """A folder with files under the names that a rebuild writes."""
    folder = tmp_path / "victim"
    (folder / "quarantine").mkdir(parents=True)
    for name in ("dropped.indexes", "altered.indexes", "quarantine/report.jsonl", "mine"):
        (folder / name).write_text("mine")
    return folder


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system has no /proc")  # noqa: PTH112
@pytest.mark.parametrize("phase", ["scan", "copy", "verify"])
@pytest.mark.parametrize("kind", WRITTEN)
def test_a_rebuild_goes_on_in_the_folder_that_it_made(tmp_path, victim, kind, phase):
    (tmp_path / "out").mkdir()
    source, target, quarantine = store(kind, tmp_path), tmp_path / "out" / "t", tmp_path / "out" / "q"
    before = tree(victim)
    swapped = []

    def swap(now, done, total, bad):
        if now == phase and not swapped:
            swapped.append(put_links(tmp_path / "out", victim))

    receipt = datacheck.rebuild(source, target, drop_bad=True, quarantine=quarantine, progress=swap)
    assert swapped == [2]
    assert tree(victim) == before
    assert receipt.written
    assert datacheck.scan(target).clean
    assert (quarantine / "report.jsonl").exists()
    moved = sorted(it for it in (tmp_path / "out").iterdir() if it.name.startswith("moved"))
    assert [list(it.iterdir()) for it in moved] == [[], []]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system has no /proc")  # noqa: PTH112
def test_a_replaced_store_is_not_sought_behind_a_link(tmp_path, victim):
    (tmp_path / "out").mkdir()
    source, target = store("lmdb", tmp_path), tmp_path / "out" / "t"
    datacheck.rebuild(source, target, drop_bad=True)
    before = tree(victim)

    def swap(now, done, total, bad):
        if now == "verify":
            put_links(tmp_path / "out", victim)

    assert datacheck.rebuild(source, target, drop_bad=True, force=True, progress=swap).replaced
    assert tree(victim) == before


def test_what_this_process_writes_goes_into_the_folder_also_without_proc(tmp_path, victim, monkeypatch):
    monkeypatch.setattr(staging, "_by_descriptor", lambda folder: None)
    before = tree(victim)
    with Workplace(tmp_path / "t") as work:
        assert work.inside == work.path
        put_links(tmp_path, victim)
        work.make_folder("quarantine")
        for name in ("dropped.indexes", "quarantine/report.jsonl"):
            with work.create(name) as file:
                file.write(b"indexes")
        assert (tmp_path / "moved-0" / "dropped.indexes").read_bytes() == b"indexes"
        assert (tmp_path / "moved-0" / "quarantine" / "report.jsonl").read_bytes() == b"indexes"
        os.symlink(victim / "mine", tmp_path / "moved-0" / "altered.indexes")  # noqa: PTH211
        with pytest.raises(FileExistsError):
            work.create("altered.indexes")
    assert tree(victim) == before


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_rebuild_needs_no_proc(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(staging, "_by_descriptor", lambda folder: None)
    source, target = store(kind, tmp_path), tmp_path / "t"
    before = os.umask(0o027)
    try:
        assert run("rebuild", source, target, "--drop-bad", "--quarantine", tmp_path / "q")[0] == 0
    finally:
        os.umask(before)
    assert datacheck.scan(target).clean
    assert stat.S_IMODE((tmp_path / "q" / "report.jsonl").stat().st_mode) & 0o027 == 0
    assert not [it for it in tmp_path.iterdir() if "partial" in it.name]


def test_where_proc_shows_another_process_the_name_is_used(tmp_path, monkeypatch):
    """This is the case if /proc is mounted for other processes than ours, or is closed to us."""
    monkeypatch.setattr(staging.os, "getpid", lambda: 1 << 30)
    with Workplace(tmp_path / "t") as work:
        assert work.inside == work.path
