"""Test the cache of machine code: kept only if it needs nothing else, run only if unchanged and in our own file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from ctypes import CFUNCTYPE, c_int64
from pathlib import Path

import pytest
from decoders.pictures.test_jpeg_walk import encoded, mutants, photo

from datacheck.decoders.pictures.eyes import installed

if not installed():  # this does not load numba
    pytest.skip("numba is not installed: JPEGs are not walked", allow_module_level=True)

from datacheck.decoders.pictures import jpeg_markers, kept
from datacheck.decoders.pictures.jpeg_scans import walker

pytestmark = pytest.mark.skipif(not kept.possible(), reason="machine code is not kept on such a machine")
ENTRIES = "datacheck.decoders.pictures.jpeg_scans.entries"
ANSWER = 'define i64 @"answer"() {{ ret i64 {} }}'
OUTSIDE = "declare i64 @getpid()\n"
INSIDE = 'define i64 @"other"() { %1 = call i64 @getpid() ret i64 %1 }\n'


def called(address):
    return CFUNCTYPE(c_int64)(address)()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder of the cache for the test."""
    monkeypatch.setattr(kept, "_sources", set())
    folder = tmp_path / "cache"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    return folder


def kept_file(folder, answer=42):
    assert called(kept.keep(ENTRIES, "answer", ANSWER.format(answer), "answer")) == answer
    [file] = folder.iterdir()
    return file


def test_what_is_kept_is_run_again(folder):
    assert kept.address_of(ENTRIES, "answer") is None
    assert kept_file(folder).stat().st_mode & 0o777 == 0o644
    assert called(kept.address_of(ENTRIES, "answer")) == 42
    assert kept.address_of(ENTRIES, "question") is None


@pytest.mark.parametrize(
    "text",
    [
        OUTSIDE + 'define i64 @"answer"() { %1 = call i64 @getpid() ret i64 %1 }',
        OUTSIDE + INSIDE + 'define i64 @"answer"() { %1 = call i64 @"other"() ret i64 %1 }',
        '@there = external global i64\ndefine i64 @"answer"() { %1 = load i64, i64* @there ret i64 %1 }',
        "no assembly",
    ],
)
def test_what_needs_something_from_outside_is_not_kept(folder, text):
    text = text.replace("i64* @there", "ptr @there") if kept._llvm().llvm_version_info >= (17,) else text
    assert kept.keep(ENTRIES, "answer", text, "answer") is None
    assert not folder.exists()


def test_what_nothing_calls_is_left_out_with_all_that_it_needs(folder):
    assert called(kept.keep(ENTRIES, "answer", OUTSIDE + INSIDE + ANSWER.format(7), "answer")) == 7
    assert called(kept.address_of(ENTRIES, "answer")) == 7


def test_nothing_but_what_was_kept_is_run(folder):
    file = kept_file(folder)
    whole = file.read_bytes()
    for number in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[number] ^= 1 << (number & 7)
        file.write_bytes(damaged)
        assert kept.address_of(ENTRIES, "answer") is None, number
    for size in (0, 1, 30, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        assert kept.address_of(ENTRIES, "answer") is None, size
    file.write_bytes(whole + b"\0")
    assert kept.address_of(ENTRIES, "answer") is None
    file.write_bytes(whole)
    assert called(kept.address_of(ENTRIES, "answer")) == 42


def test_code_that_was_kept_as_something_else_is_not_run(folder):
    file = kept_file(folder)
    other = file.with_name(kept._file_name(ENTRIES, "question"))
    other.write_bytes(file.read_bytes())
    assert kept.address_of(ENTRIES, "question") is None


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_is_not_used(folder, mode):
    kept_file(folder).chmod(mode)
    assert kept.address_of(ENTRIES, "answer") is None


def test_a_file_of_somebody_else_is_not_used(folder, monkeypatch):
    file = kept_file(folder)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert (kept.address_of(ENTRIES, "answer") is None) == (file.stat().st_uid != 0)
    if os.getuid() == 0:
        os.chown(file, 54321, -1)
        assert kept.address_of(ENTRIES, "answer") is None


def test_neither_a_link_nor_a_pipe_nor_a_folder_is_opened(folder):
    file = kept_file(folder)
    file.rename(folder / "elsewhere")
    file.symlink_to(folder / "elsewhere")
    assert kept.address_of(ENTRIES, "answer") is None
    file.unlink()
    os.mkfifo(file)
    assert kept.address_of(ENTRIES, "answer") is None
    file.unlink()
    file.mkdir()
    assert kept.address_of(ENTRIES, "answer") is None
    assert called(kept.keep(ENTRIES, "answer", ANSWER.format(3), "answer")) == 3  # this one is not kept
    assert sorted(it.name for it in folder.iterdir()) == sorted(["elsewhere", file.name])


def test_nothing_is_kept_within_a_source(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    for source in (folder, tmp_path / "home", Path(walker.__file__).parent):
        source.mkdir(exist_ok=True)
        kept.keep_out_of(source)
    assert called(kept.keep(ENTRIES, "answer", ANSWER.format(5), "answer")) == 5
    assert [*folder.iterdir(), *(tmp_path / "home").iterdir()] == []
    assert kept.address_of(ENTRIES, "answer") is None


def test_where_the_package_cannot_be_written_it_is_kept_at_home(tmp_path, monkeypatch):
    package = tmp_path / "installed" / "pack"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "loops.py").write_text("")
    (package / "__pycache__").write_text("no folder, so that nothing can be put into it")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert called(kept.keep("pack.loops", "answer", ANSWER.format(6), "answer")) == 6
    [file] = (tmp_path / "home" / "datacheck").iterdir()
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert called(kept.address_of("pack.loops", "answer")) == 6


def test_who_reads_while_others_write_gets_all_of_it_or_nothing(folder):
    kept_file(folder)

    def write(number):
        return called(kept.keep(ENTRIES, "answer", ANSWER.format(42), "answer"))

    def read(number):
        return called(kept.address_of(ENTRIES, "answer"))

    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda it: (read, write)[it % 2](it), range(60))]
    assert answers == [42] * 60
    assert len([*folder.iterdir()]) == 1


def test_one_compiles_while_the_others_wait(folder):
    inside, counted = [], []

    def compile_once(number):
        with kept.compile_lock(ENTRIES):
            inside.append(number)
            counted.append(len(inside))
            if kept.address_of(ENTRIES, "answer") is None:
                time.sleep(0.05)
                kept.keep(ENTRIES, "answer", ANSWER.format(42), "answer")
                inside.append("compiled")
            inside.remove(number)
        return called(kept.address_of(ENTRIES, "answer"))

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(compile_once, range(4))] == [42] * 4
    assert inside == ["compiled"]
    assert sorted(counted) == [1, 2, 2, 2]  # they were never in there together
    assert len([*folder.iterdir()]) == 1, "no lock is left behind"


def test_nobody_waits_for_ever_for_one_that_is_stopped(folder, monkeypatch):
    monkeypatch.setattr(kept, "PATIENCE", 0.1)
    with kept.compile_lock(ENTRIES), kept.compile_lock(ENTRIES):
        assert called(kept.keep(ENTRIES, "answer", ANSWER.format(42), "answer")) == 42


def test_where_nothing_can_be_kept_nobody_waits(folder, monkeypatch):
    monkeypatch.setattr(kept.os, "access", lambda path, mode: False)
    monkeypatch.setattr(kept, "PATIENCE", float("inf"))
    with kept.compile_lock(ENTRIES), kept.compile_lock(ENTRIES):
        pass


def test_an_interrupt_lets_the_next_one_in(folder, monkeypatch):
    monkeypatch.setattr(kept, "PATIENCE", float("inf"))
    with pytest.raises(KeyboardInterrupt), kept.compile_lock(ENTRIES):
        raise KeyboardInterrupt
    with kept.compile_lock(ENTRIES):
        pass


WALK = """
import sys
from pathlib import Path
from datacheck.decoders.pictures import eyes, jpeg_markers, kept
kept._MACHINES = kept._MACHINES if {keeps} else ()
eyes.prepare({eyes!r}, Path("nowhere"))
from datacheck.decoders.pictures.jpeg_scans import walker
for line in sys.stdin:
    value = bytes.fromhex(line)
    print(walker.walk(value, jpeg_markers.walk(value), closer={closer}))
print("numba" in sys.modules)
"""


def walks(values, eyes="walker", *, closer=False, keeps=True, **env):
    """Return what another process says about pictures, and whether it has loaded numba."""
    command = [sys.executable, "-c", WALK.format(eyes=eyes, closer=closer, keeps=keeps)]
    given = "\n".join(it.hex() for it in values)
    done = subprocess.run(
        command, env={**os.environ, **env}, input=given, capture_output=True, text=True, timeout=300, check=True
    )
    *said, numba = done.stdout.splitlines()
    return said, numba == "True"


def here(values, *, closer=False):
    return [str(walker.walk(it, jpeg_markers.walk(it), closer=closer)) for it in values]


def copy_kept_code(name, cache):
    """Copy a function's code, which takes seconds to compile, from where this process has kept or found it."""
    file = kept._file_name(ENTRIES, name)
    cache.mkdir(mode=0o700, exist_ok=True)
    for folder in kept._folders(ENTRIES):
        if (folder / file).exists():
            shutil.copy(folder / file, cache)
            return


def test_numba_is_loaded_only_where_no_sound_code_is_kept(tmp_path):
    cache = tmp_path / "cache"
    values = [*mutants(60, 21)]
    wanted = here(values)
    assert len({it.partition("odd")[0] for it in wanted}) > 20
    copy_kept_code("walk", cache)
    assert walks(values, NUMBA_CACHE_DIR=str(cache)) == (wanted, True)
    files = sorted(cache.glob("*.code"))
    assert [it.name.partition("-")[0] for it in files] == ["entries.build", "entries.walk"]
    whole = files[0].read_bytes()
    at = len(whole) // 2
    assert b"\xcc" * 9 not in whole
    assert walks(values, NUMBA_CACHE_DIR=str(cache)) == (wanted, False)
    files[0].write_bytes(whole[:at] + b"\xcc" * 9 + whole[at + 9 :])
    assert walks(values, NUMBA_CACHE_DIR=str(cache)) == (wanted, True)
    assert b"\xcc" * 9 not in files[0].read_bytes()
    assert walks(values, NUMBA_CACHE_DIR=str(cache)) == (wanted, False)
    assert sorted(cache.glob("*.code*")) == files


def with_three_codes_of_one_bit(value):
    """Return a JPEG with more codes of one bit in a Huffman table than there are, so that its scan is not walked."""
    counts = b"\0\1\5\1\1\1\1\1\1"
    assert counts in value
    return value.replace(counts, b"\3\1\2" + counts[3:], 1)


def test_where_no_code_is_kept_numbas_own_cache_is_found_again(tmp_path):
    """As on machines of other kinds; only the function that builds tables is used, as it is compiled soonest."""
    values = [with_three_codes_of_one_bit(encoded(photo(16, 16, number), "RGB")) for number in range(3)]
    wanted = here(values)
    for _ in range(2):
        assert walks(values, "decoder", NUMBA_CACHE_DIR=str(tmp_path / "cache"), keeps=False) == (wanted, True)
        assert len([*(tmp_path / "cache").rglob("entries.*.nbi")]) == 1
    assert not [*(tmp_path / "cache").rglob("*.code")]


@pytest.mark.parametrize("closer", [False, True])
def test_the_loops_say_the_same_compiled_and_uncompiled(closer):
    values = [*mutants(50, 22)]
    assert walks(values, "strict", closer=closer, NUMBA_DISABLE_JIT="1")[0] == here(values, closer=closer)


def test_a_view_of_a_picture_is_walked_as_its_bytes_are():
    values = [*mutants(40, 24)]
    assert here([memoryview(it) for it in values]) == here(values)


def test_threads_do_not_disturb_each_other():
    values = [*mutants(400, 23)]
    with ThreadPoolExecutor(4) as pool:
        together = [*pool.map(lambda it: here([it])[0], values)]
    assert together == here(values)
