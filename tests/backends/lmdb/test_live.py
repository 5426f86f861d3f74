"""Test reading an environment to which another process commits all the time: nothing sound is called bad."""

import contextlib
import multiprocessing
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections import Counter

import lmdb
import pytest
from building import datum, key, pixels
from lmdb_building import PAGE, File

import datacheck
from datacheck.backends.lmdb.page_sums import Account, are_of_commit
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.backends.lmdb.skeleton import skeleton

COUNT = 1500
PAUSE = 0.0005
"""Seconds between commits. A read sees dozens of commits; without the pauses the writer would take the processor."""
VALUES = [datum(pixels(number, (1, 16, 16)), number % 10) for number in range(50)]
LARGE = [datum(pixels(number, (3, 50, 50)), number % 10) for number in range(10)]


def commit(environment, chance, changes):
    with environment.begin(write=True) as transaction:
        for _ in range(changes):
            at = key(chance.randrange(2 * COUNT))
            if chance.random() < 0.4:
                transaction.delete(at)
            else:
                transaction.put(at, chance.choice(LARGE if chance.random() < 0.1 else VALUES))


def put_one(environment, number):
    with environment.begin(write=True) as transaction:
        transaction.put(key(number), VALUES[number])


def commit_for_ever(path, options, begun):
    chance = random.Random(1)
    caller = os.getppid()
    with lmdb.open(path, map_size=1 << 28, sync=False, **options) as environment:
        while os.getppid() == caller:
            commit(environment, chance, chance.choice((1, 5, 40)))
            begun.set()
            time.sleep(PAUSE)


@pytest.fixture(params=[{}, {"writemap": True}], ids=str)
def live(request, tmp_path):
    """An environment that is written to all the time."""
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 28, sync=False, **request.param) as environment:
        with environment.begin(write=True) as transaction:
            for number in range(0, 2 * COUNT, 2):
                transaction.put(key(number), VALUES[number % 50])
        for seed in range(30):
            commit(environment, random.Random(seed), 40)
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    writer = context.Process(target=commit_for_ever, args=(str(path), request.param, begun), daemon=True)
    writer.start()
    try:
        assert begun.wait(60)
        yield path
    finally:
        writer.kill()
        writer.join()


def read_often(path, limit, told):
    """Read the environment 8 times; send the findings, the number of keys and the number of different keys each time.

    In blocks of a given size the records come from the library, which may object to pages that change under it.
    """
    with contextlib.nullcontext() if limit is None else contextlib.suppress(lmdb.Error):
        tell(path, limit, told)


def tell(path, limit, told):
    for _ in range(8):
        reader = LmdbReader(path, 100_000)
        layout = reader.layout()
        findings, account, keys = list(layout.findings), Counter(), []
        for shard in layout.shards:
            for block in reader.blocks(shard, limit=limit):
                findings += [finding for _, finding in block.findings]
                keys += block.keys
                account.update(block.account)
        findings += reader.conclude(account)
        told.send(({(it.code, it.verdict) for it in findings}, len(keys), len(set(keys))))


@pytest.mark.parametrize("limit", [None, 7])
def test_a_store_that_is_written_is_never_called_damaged(live, limit):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=read_often, args=(live, limit, theirs), daemon=True)
    process.start()
    theirs.close()
    with contextlib.suppress(EOFError):
        while True:
            said, count, different = ours.recv()
            assert said <= {("source-changed", "unverifiable")}
            assert count or said  # how many there are depends on how fast the writer overwrites them
            assert different >= 0.9 * count
    process.join()
    # The library may not survive pages that change, which is why a scan reads in workers.
    ends = {0} if limit is None else {0, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT}
    assert process.exitcode in ends


def test_scan_and_rebuild_of_a_store_that_is_written_end_in_a_sentence(live, tmp_path):
    for number in range(2):
        for words in (["scan", live], ["rebuild", live, tmp_path / f"copy-{number}"]):
            done = subprocess.run(
                [sys.executable, "-m", "datacheck", *map(str, words), "--no-progress"],
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert "Traceback" not in done.stderr
            assert "internal-error" not in done.stdout
            assert "damaged-store" not in done.stdout + done.stderr


def test_a_store_at_rest_is_read_as_of_its_last_commit(tmp_path):
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 28) as environment:
        for number in range(5):
            put_one(environment, number)
    bones = skeleton(path / "data.mdb")
    with Pages(path / "data.mdb", bones.metas) as pages:
        assert (pages.commits_since(), pages.moved_on()) == (0, False)
        with lmdb.open(str(path), map_size=1 << 28) as environment:
            put_one(environment, 7)
            assert (pages.commits_since(), pages.moved_on()) == (1, False)
            put_one(environment, 8)
            assert (pages.commits_since(), pages.moved_on()) == (2, True)
    assert bones.metas.chosen.txnid == 5
    assert skeleton(path / "data.mdb").metas.chosen.txnid == 7


def test_damage_is_damage_whoever_writes(tmp_path):
    """Commits on top of a broken page do not turn the damage into a change of the source."""
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 28) as environment, environment.begin(write=True) as transaction:
        for number in range(COUNT):
            transaction.put(key(number), VALUES[number % 50])
    file = File(path)
    broken = file.pages(2)[50]
    file.put(broken, bytes(PAGE))
    file.save()
    with lmdb.open(str(path), map_size=1 << 28) as environment:
        for _ in range(3):
            with contextlib.suppress(lmdb.Error), environment.begin(write=True) as transaction:
                transaction.put(key(COUNT + 5), VALUES[0])
    report = datacheck.scan(path, workers=1)
    assert {"damaged-store"} <= set(report.counts)
    assert "source-changed" not in report.counts


def test_ranges_of_several_commits_do_not_add_up_to_one():
    one, other = Account(), Account()
    one.add_range(7)
    one.add_range(7)
    assert are_of_commit(one.sums, 7)
    assert not are_of_commit(one.sums, 8)
    other.add_range(6)
    other.add_range(8)
    assert not are_of_commit(other.sums, 7)
    assert are_of_commit(Counter(), 7)


def test_the_two_metas_are_those_of_one_moment(tmp_path, monkeypatch):
    """Another process may commit between the reads of the first and the second meta page."""
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 28) as environment:
        for seed in range(4):
            commit(environment, random.Random(seed), 5)
    raw = (path / "data.mdb").read_bytes()
    with lmdb.open(str(path), map_size=1 << 28) as environment:
        for seed in range(3):
            commit(environment, random.Random(seed), 5)
    newer = (path / "data.mdb").read_bytes()
    from datacheck.backends.lmdb.metas import read_metas

    reads = iter([raw])

    def read(offset, size):
        return next(reads, newer)[offset : offset + size]

    metas = read_metas(read, len(newer))
    assert metas.sound
    assert metas.chosen.txnid == struct.unpack_from("=Q", newer, PAGE + 144)[0]
