"""Compare random sound environments: datacheck reads what the library reads, finds nothing, and the copy is equal."""

import os
import random

import pytest
import random_lmdb
from covering import seeds
from random_lmdb import read

import datacheck
from datacheck.backends.lmdb.library import data_file
from datacheck.backends.lmdb.page_accounting import verify
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.escaping import escape

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="LMDB environments are built in a process of their own")


def built(folder, seed):
    """Return path, plan and records of a random environment, written in a child process in case liblmdb dies."""
    child = os.fork()
    if not child:
        done = 1
        try:
            random_lmdb.build(folder, seed)
            done = 0
        finally:
            os._exit(done)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the library failed to write the environment of seed {seed}: {status}"
    made = random_lmdb.plan(random.Random(seed))
    name = "copy" if made.copied else "env"
    path = folder / (name if made.subdir else f"{name}.mdb")
    return path, made, random_lmdb.read_by_the_library(path, made)


@pytest.mark.parametrize("seed", seeds(24))
def test_datacheck_reads_what_the_library_reads(tmp_path, seed, monkeypatch):
    path, _, held = built(tmp_path, seed)
    wanted = {escape(name) if name else "": pairs for name, pairs in held.items() if pairs}
    assert verify(data_file(path)) == []
    assert read(path) == (wanted, [])
    assert read(path, shard_bytes=20_000) == (wanted, [])
    assert read(path, limit=7) == (wanted, [])
    assert read(path, limit=1) == (wanted, [])
    monkeypatch.setattr(LmdbReader, "_refusal", lambda self: "not this time")
    alone, findings = read(path)
    assert alone == wanted
    assert [finding.message for finding in findings] == ["lmdb cannot open it: not this time"]


@pytest.mark.parametrize("seed", seeds(24)[: max(6, len(seeds(24)) // 4)])
def test_a_copy_is_equal(tmp_path, seed):
    path, made, held = built(tmp_path, seed)
    if not any(held.values()):
        pytest.skip("an environment without records")
    receipt = datacheck.rebuild(path, tmp_path / "rebuilt", keep=["bad"], workers=1)
    assert receipt.written
    assert random_lmdb.read_by_the_library(tmp_path / "rebuilt", made) == held
    assert verify(data_file(tmp_path / "rebuilt")) == []


def test_the_environments_are_of_every_kind():
    """A few hundred seeds cover every flag, both formats, and all ways to write."""
    plans = [random_lmdb.plan(random.Random(seed)) for seed in range(300)]
    flags = {flag for made in plans for flag in made.databases.values()}
    assert flags >= set(random_lmdb.KINDS)
    assert {flag for made in plans for name, flag in made.databases.items() if name is None} >= {0, 2, 4, 8, 0x14}
    assert {made.version for made in plans} == {0, 1}
    assert {made.copied for made in plans} == {"", "copy", "compact"}
    assert any(not made.subdir for made in plans)
    assert any("writemap" in made.options for made in plans)
