"""Test that a rebuild works in a folder of its own, replaces nothing but stores, and never a source."""

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import pytest
from building import raw_records, write_lmdb
from trees import WRITTEN, refused, run, store, table, tree

import datacheck
from datacheck.backends import open_store
from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.backends.replaceable import store_at
from datacheck.files import renaming, staging
from datacheck.files.guard import Guard
from datacheck.files.marking import MARK, mark, stamp
from datacheck.files.staging import Workplace


@pytest.fixture(params=WRITTEN)
def kind(request):
    return request.param


@pytest.fixture
def home(tmp_path):
    """A folder with files that are precious to their owner."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("\\documentclass{book}")
    (tmp_path / "data").mkdir()
    return tmp_path / "home"


@pytest.fixture
def source(kind, home, tmp_path):
    return store(kind, tmp_path / "data")


def beside(source):
    """Return the target in the command that a scan prints."""
    return source.with_name(f"{source.stem}_clean{source.suffix}")


def marked(folder, target):
    """Make a folder as left behind by a rebuild of this target."""
    folder.mkdir(mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    assert stamp(descriptor)
    mark(descriptor, target.name)
    os.close(descriptor)
    (folder / "copy").mkdir()
    (folder / "copy" / "data.mdb").write_bytes(b"half a copy")
    return folder


# The work folder


@pytest.fixture(params=["link", "foreign", "file", "marked link", "mark of another target", "mark that is a link"])
def obstacle(request, home, source, tmp_path, monkeypatch):
    """Something at each of the names that a rebuild of the target would use for its work folder."""
    target = beside(source)
    names = [f".{target.name}.datacheck-partial", f".{target.name}.00000000.datacheck-partial"]
    tokens = iter(["00000000", "11111111"])
    monkeypatch.setattr(staging.secrets, "token_hex", lambda count: next(tokens))
    for number, name in enumerate(names):
        path = target.with_name(name)
        if request.param == "link":
            path.symlink_to(home)
        elif request.param == "foreign":
            shutil.copytree(home, path)
        elif request.param == "file":
            path.write_text("mine")
        elif request.param == "marked link":
            path.symlink_to(marked(tmp_path / f"elsewhere{number}", target))
        elif request.param == "mark of another target":
            marked(path, tmp_path / "another")
        else:
            marked(path, target)
            (path / MARK).rename(tmp_path / f"mark{number}")
            (path / MARK).symlink_to(tmp_path / f"mark{number}")
    return names


def test_what_lies_at_the_name_of_the_work_folder_is_not_touched(obstacle, source, tmp_path):
    target = beside(source)
    before = tree(tmp_path, [target])
    status, said, complaint = run("rebuild", source, target, "--drop-bad")
    assert (status, complaint) == (0, "")
    assert "the copy: " in said
    assert tree(tmp_path, [target]) == before
    assert datacheck.scan(target).clean


def test_what_a_dead_run_left_is_removed_and_nothing_else(source, home, tmp_path):
    target = beside(source)
    left = marked(target.with_name(f".{target.name}.12345678.datacheck-partial"), target)
    (left / "copy" / "link").symlink_to(home)
    before = tree(tmp_path, [target, left])
    assert run("rebuild", source, target, "--drop-bad")[0] == 0
    assert not left.exists()
    assert tree(tmp_path, [target, left]) == before


def test_what_a_living_run_writes_is_left_and_the_second_refused(tmp_path):
    source = store("lmdb", tmp_path)
    left = marked(tmp_path / ".t.12345678.datacheck-partial", tmp_path / "t")
    descriptor = os.open(left, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    before = tree(tmp_path, [tmp_path / "t"])
    assert "another rebuild is writing there" in refused("rebuild", source, tmp_path / "t", "--drop-bad")
    assert tree(tmp_path, [tmp_path / "t"]) == before
    os.close(descriptor)
    assert run("rebuild", source, tmp_path / "t", "--drop-bad")[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_what_another_user_left_is_not_touched(tmp_path):
    source = store("lmdb", tmp_path)
    left = marked(tmp_path / ".t.12345678.datacheck-partial", tmp_path / "t")
    os.chown(left, 65534, 65534)
    before = tree(tmp_path, [tmp_path / "t"])
    assert run("rebuild", source, tmp_path / "t", "--drop-bad")[0] == 0
    assert tree(tmp_path, [tmp_path / "t"]) == before


def test_a_folder_put_in_place_of_the_work_folder_is_not_removed(home, tmp_path):
    with Workplace(tmp_path / "t") as work:
        work.path.rename(tmp_path / "moved")
        shutil.copytree(home, work.path)
    assert (work.path / "thesis.tex").exists()
    assert list((tmp_path / "moved").iterdir()) == []


@pytest.mark.parametrize("appear", ["folder", "file", "link", "full folder"])
@pytest.mark.parametrize("system", ["renameat2", "without"])
def test_what_appears_at_the_target_meanwhile_is_not_replaced(home, tmp_path, appear, system, monkeypatch):
    if system == "without":
        monkeypatch.setattr(renaming, "_renameat2", lambda old, new, flags: False)
    for make in ("mkdir", "touch"):
        target = tmp_path / f"t-{make}"
        with Workplace(target) as work:
            getattr(work.path / "copy", make)()
            if appear == "folder":
                target.mkdir()
            elif appear == "file":
                target.write_text("mine")
            elif appear == "link":
                target.symlink_to(home)
            else:
                shutil.copytree(home, target)
            before = tree(target) if not target.is_symlink() else target.readlink()
            with pytest.raises(datacheck.TargetExists):
                work.publish(work.path / "copy")
        assert (tree(target) if not target.is_symlink() else target.readlink()) == before
    assert not [it for it in tmp_path.iterdir() if "partial" in it.name]


# --force


@pytest.mark.parametrize("leads", ["to a store", "to home", "to nothing", "to the source"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_link_is_no_target(home, source, tmp_path, leads, force):
    goals = {"to home": home, "to nothing": tmp_path / "none", "to the source": source}
    (tmp_path / "t").symlink_to(goals.get(leads) or write_lmdb(tmp_path / "store", raw_records(2)))
    before = tree(tmp_path)
    refused("rebuild", source, tmp_path / "t", "--drop-bad", *force)
    assert tree(tmp_path) == before


def test_no_source_and_no_folder_of_one_is_ever_replaced(home, kind, tmp_path):
    """This holds whatever the folder looks like; those of a list have no files but HDF5 files and the list."""
    source = store(kind, tmp_path / "data")
    parts = [tmp_path / "data" / "parts"] if kind == "hdf5-list" else []
    parts += [*parts[0].iterdir()] if parts else []
    inside = [source / "t", source / "sub"] if source.is_dir() else []
    (tmp_path / "way").symlink_to(tmp_path / "data")
    for place in (source, tmp_path / "data", tmp_path, tmp_path / "way" / source.name, *parts, *inside):
        for words in ((place, "--force"), (tmp_path / "t", "--quarantine", place), (place, "--force", "--dry-run")):
            before = tree(tmp_path)
            refused("rebuild", source, words[0], "--drop-bad", *words[1:])
            assert tree(tmp_path) == before, words


def test_a_source_reached_by_a_link_is_no_target(home, tmp_path):
    real = table(tmp_path / "data" / "real.h5")
    (tmp_path / "way.h5").symlink_to(real)
    os.link(real, tmp_path / "hard.h5")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "list.txt").write_text("../way.h5\n")
    (tmp_path / "h5").mkdir()
    (tmp_path / "h5" / "a.h5").symlink_to(real)
    for source in (tmp_path / "way.h5", tmp_path / "lists" / "list.txt", tmp_path / "h5"):
        for target in (real, tmp_path / "hard.h5", real.parent):
            before = tree(tmp_path)
            said = refused("rebuild", source, target, "--drop-bad", "--force")
            assert "never written to" in said or "the same path" in said or "is inside" in said
            assert tree(tmp_path) == before


@pytest.fixture
def mounted(tmp_path):
    """Two paths to one folder, neither of which shows the other, below a folder that looks like a copy."""
    inner, other = tmp_path / "t" / "s", tmp_path / "m"
    inner.mkdir(parents=True)
    other.mkdir()
    done = subprocess.run(["mount", "--bind", inner, other], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    yield inner, other
    subprocess.run(["umount", other], check=True)


@pytest.mark.parametrize("words", [["--force"], ["--force", "--dry-run"]])
def test_a_source_below_the_target_by_another_mount_is_not_replaced(mounted, words):
    inner, other = mounted
    table(inner / "data.h5")
    table(inner / "b.h5")
    for source in (other / "data.h5", other):
        before = tree(inner.parent)
        said = refused("rebuild", source, inner.parent, "--drop-bad", *words)
        assert "which is a source, never written to" in said
        assert tree(inner.parent) == before


@pytest.mark.parametrize("words", [["--force"], ["--force", "--dry-run"]])
def test_a_source_below_the_target_by_a_hard_link_is_not_replaced(tmp_path, words):
    """Two paths lead to the same inode, as with a mount, but without needing the right to mount."""
    (tmp_path / "t" / "s").mkdir(parents=True)
    source = table(tmp_path / "data.h5")
    os.link(source, tmp_path / "t" / "s" / "b.h5")
    before = tree(tmp_path)
    assert "never written to" in refused("rebuild", source, tmp_path / "t", "--drop-bad", *words)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("system", ["renameat2", "without"])
def test_a_source_that_comes_to_lie_in_the_target_meanwhile_is_not_replaced(tmp_path, system, monkeypatch):
    if system == "without":
        monkeypatch.setattr(renaming, "_renameat2", lambda old, new, flags: False)
    source, target = table(tmp_path / "data.h5"), tmp_path / "t"
    if system == "without":  # there only a file is replaced
        table(target, 50)
    else:
        (target / "s").mkdir(parents=True)
        table(target / "s" / "a.h5", 50)
    with Workplace(target, examine=store_at, guard=Guard([source])) as work:
        (work.path / "copy").touch() if target.is_file() else (work.path / "copy").mkdir()
        source.unlink()
        os.link(target if target.is_file() else target / "s" / "a.h5", source)
        before = tree(tmp_path, [work.path])
        with pytest.raises(datacheck.UsageError, match="which is being read; name another target"):
            work.publish(work.path / "copy")
        assert tree(tmp_path, [work.path]) == before
    assert source.exists()


FOREIGN = {
    "a thesis": lambda path: (path.mkdir(), (path / "thesis.txt").write_text("mine")),
    "a store and a thesis": lambda path: (write_lmdb(path, raw_records(2)), (path / "thesis.txt").write_text("mine")),
    "a LevelDB and a thesis": lambda path: (
        write_leveldb(path, list(raw_records(2).items())),
        (path / "thesis.txt").write_text("mine"),
    ),
    "HDF5 and a thesis": lambda path: (path.mkdir(), table(path / "a.h5"), (path / "thesis.txt").write_text("mine")),
    "HDF5 and a link": lambda path: (path.mkdir(), table(path / "a.h5"), (path / "b.h5").symlink_to("a.h5")),
    "a store in a folder": lambda path: (path.mkdir(), write_lmdb(path / "env", raw_records(2))),
    "a LevelDB and a folder": lambda path: (
        write_leveldb(path, list(raw_records(2).items())),
        (path / "lost").mkdir(),
        (path / "lost" / "thesis.txt").write_text("mine"),
    ),
    "data.mdb that is none": lambda path: (path.mkdir(), (path / "data.mdb").write_bytes(bytes(9000))),
    "a text": lambda path: path.write_text("mine"),
    "an empty file": lambda path: path.touch(),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("what", FOREIGN)
def test_only_stores_are_replaced(tmp_path, what):
    source = store("lmdb", tmp_path)
    FOREIGN[what](tmp_path / "t")
    before = tree(tmp_path)
    said = refused("rebuild", source, tmp_path / "t", "--drop-bad", "--force")
    if "thesis" in what:
        assert f"{tmp_path / 't'}: holds thesis.txt, which no store has" in said
    assert tree(tmp_path) == before


def old_store(kind, folder, path):
    """Put a store of this kind at a path, as an earlier rebuild may have."""
    if kind == "empty":
        path.mkdir()
        return "an empty folder"
    if kind == "copy of a list":
        datacheck.rebuild(store("hdf5-list", folder), path, drop_bad=True)
        return "a folder of HDF5 files"
    made = store(kind, folder)
    if kind == "leveldb":
        (made / "lost").mkdir()
        for name in ("LOCK", "LOG", "LOG.old", "lost/000009.ldb", "000010.dbtmp"):
            (made / name).touch()
    made.rename(path)
    names = {"lmdb": "an LMDB environment", "lmdb-file": "an LMDB file", "leveldb": "a LevelDB"}
    return names.get(kind, "a folder of HDF5 files" if kind == "hdf5-folder" else "an HDF5 file")


@pytest.mark.parametrize("old", ["lmdb", "lmdb-file", "leveldb", "hdf5", "hdf5-folder", "empty", "copy of a list"])
@pytest.mark.parametrize("system", ["renameat2", "without"])
def test_a_store_is_replaced_and_named(tmp_path, old, system, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "other").mkdir()
    source = store("lmdb", tmp_path / "data") if old != "hdf5" else store("hdf5", tmp_path / "data")
    what = old_store(old, tmp_path / "other", tmp_path / "t")
    before = tree(tmp_path, [tmp_path / "t", tmp_path / "r.json"])
    if system == "without":
        monkeypatch.setattr(renaming, "_renameat2", lambda old, new, flags: False)
        if old != "hdf5":  # a folder would be replaced
            there = tree(tmp_path, [tmp_path / "none"])
            said = refused("rebuild", source, tmp_path / "t", "--drop-bad", "--force")
            assert "cannot replace a store in one step" in said
            assert tree(tmp_path, [tmp_path / "none"]) == there
            return
    words = ("rebuild", source, tmp_path / "t", "--drop-bad", "--force", "--report", tmp_path / "r.json")
    status, said, complaint = run(*words)
    assert (status, complaint) == (0, "")
    assert f"the copy: {tmp_path / 't'} (replaced {what} that was there)" in said
    assert json.loads((tmp_path / "r.json").read_text())["replaced"] == what
    assert datacheck.scan(tmp_path / "t").clean
    assert tree(tmp_path, [tmp_path / "t", tmp_path / "r.json"]) == before


def test_a_receipt_says_of_no_replacement_where_there_was_none(tmp_path):
    source = store("lmdb", tmp_path)
    run("rebuild", source, tmp_path / "t", "--drop-bad", "--force", "--report", tmp_path / "r.json")
    assert "replaced" not in json.loads((tmp_path / "r.json").read_text())


@pytest.mark.parametrize("change", ["thesis inside", "another folder", "gone and another"])
def test_a_target_that_changes_meanwhile_is_not_replaced(home, tmp_path, change):
    target = write_lmdb(tmp_path / "t", raw_records(2))
    with Workplace(target, examine=store_at) as work:
        (work.path / "copy").mkdir()
        if change == "thesis inside":
            (target / "thesis.txt").write_text("mine")
        else:
            target.rename(tmp_path / "away")
            shutil.copytree(home, target)
        before = tree(target)
        with pytest.raises((datacheck.UsageError, datacheck.RebuildFailed)):
            work.publish(work.path / "copy")
        assert tree(target) == before
    assert not [it for it in tmp_path.iterdir() if "partial" in it.name]


def test_what_came_out_is_kept_where_it_cannot_be_put_back(home, tmp_path, monkeypatch):
    target = write_lmdb(tmp_path / "t", raw_records(2))
    exchanges = []

    def once(one, other):
        exchanges.append(one)
        if len(exchanges) > 1:
            raise OSError(5, "Input/output error")
        exchange(one, other)

    exchange = renaming.exchange
    monkeypatch.setattr(staging, "exchange", once)
    with Workplace(target, examine=store_at) as work:
        (work.path / "copy").mkdir()
        (target / "thesis.txt").write_text("mine")
        with pytest.raises(OSError, match="Input/output"):
            work.publish(work.path / "copy")
    assert (work.path / "copy" / "thesis.txt").read_text() == "mine"
    assert not (work.path / MARK).exists()  # so that no later rebuild removes it


def test_an_interrupted_rebuild_leaves_nothing(tmp_path):
    def interrupt(phase, done, total, bad):
        if phase == "copy":
            raise KeyboardInterrupt

    source = write_lmdb(tmp_path / "env", raw_records(400, (3, 32, 32)))
    before = tree(tmp_path, [tmp_path / "none"])
    with pytest.raises(KeyboardInterrupt):
        datacheck.rebuild(source, tmp_path / "t", quarantine=tmp_path / "q", drop_bad=True, progress=interrupt)
    assert tree(tmp_path, [tmp_path / "none"]) == before


# Modes


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_copy_gets_the_modes_of_the_umask_and_the_quarantine_no_wider_than_the_source(
    kind, source, tmp_path, umask
):
    files = [it for it in (tmp_path / "data").rglob("*") if it.is_file()]
    for file in files:
        file.chmod(0o640)
    target, quarantine = tmp_path / "t", tmp_path / "q"
    before = os.umask(umask)
    try:
        assert run("rebuild", source, target, "--drop-bad", "--quarantine", quarantine)[0] == 0
    finally:
        os.umask(before)
    for path in [target, *target.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        most = 0o777 if path.is_dir() else 0o666
        assert mode & umask == 0
        assert mode & 0o600 == 0o600
        assert mode & ~most == 0
        if path.is_dir():
            assert mode == 0o777 & ~umask & (0o755 if kind == "leveldb" else 0o777)
    for path in [quarantine, *quarantine.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o027 & ~(0o050 if path.is_dir() else 0o040) == 0
        assert mode & umask == 0


def test_a_set_user_id_bit_is_not_copied(tmp_path):
    source = table(tmp_path / "a.h5", bad=7)
    with h5py.File(source, "r+") as file:
        file["data"][7] = 0
    source.chmod(0o4755)
    datacheck.rebuild(source, tmp_path / "b.h5")
    assert stat.S_IMODE((tmp_path / "b.h5").stat().st_mode) & 0o7111 == 0
    assert open_store(tmp_path / "b.h5").backend == "hdf5"


# As another user

AS_NOBODY = """
import os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from datacheck.files.output import Output
from datacheck.errors import DatacheckError
from datacheck.files.staging import Workplace
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.chdir(sys.argv[1])
Path("r.json").write_text("the earlier one")
Path("r.json").chmod(0o444)
for name in ("r.json", "closed/r.json", "roots.json"):
    try:
        with Output(name) as output:
            output.publish()
    except DatacheckError as exc:
        print(name, exc)
try:
    with Workplace(Path("closed/t")):
        pass
except DatacheckError as exc:
    print(exc)
with Workplace(Path("t")) as work:
    (work.path / "copy").mkdir()
    work.publish(work.path / "copy")
print(sorted(os.listdir(".")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_gets_one_sentence_where_something_is_not_theirs():
    with tempfile.TemporaryDirectory() as reachable:  # the folders of pytest are not
        Path(reachable).chmod(0o755)
        as_nobody(Path(reachable) / "shared")


def as_nobody(folder):
    (folder / "closed").mkdir(parents=True)
    folder.chmod(0o1777)
    (folder / "roots.json").write_text("of root")
    left = marked(folder / ".t.12345678.datacheck-partial", folder / "t")
    program = [sys.executable, "-c", AS_NOBODY, folder, Path(__file__).parent]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if "Permission denied" in done.stderr:
        pytest.skip(f"the interpreter is out of another user's reach: {done.stderr.splitlines()[-1]}")
    denied = "could not be written: Permission denied"
    assert done.stdout.splitlines() == [
        f"r.json r.json: {denied}",
        f"closed/r.json closed/r.json: {denied}",
        f"roots.json roots.json: {denied}",
        f"closed/t: {denied}",
        f"{[left.name, 'closed', 'r.json', 'roots.json', 't']}",
    ], done.stderr
    assert (left / "copy" / "data.mdb").exists()


# What is printed


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_quarantine_that_exists_is_not_said_to_be_replaced_by_force(tmp_path, force):
    source, quarantine = store("lmdb", tmp_path), tmp_path / "q"
    quarantine.mkdir()
    said = refused("rebuild", source, tmp_path / "t", "--drop-bad", "--quarantine", quarantine, *force)
    assert said.endswith(f"{quarantine}: exists already; name another quarantine; --force replaces only the target\n")
    (tmp_path / "t").mkdir()
    said = refused("rebuild", source, tmp_path / "t", "--drop-bad")
    assert said.endswith(f"{tmp_path / 't'}: exists already; name another target, or replace it with --force\n")
