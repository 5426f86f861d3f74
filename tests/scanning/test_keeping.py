"""Test that conventions are recognised by the keys at the probes, whatever happens to single ones of them."""

import os
import signal
import time
from dataclasses import dataclass

import pytest
from building import write_lmdb
from delegating import Delegating

from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import Layout, Position, Shard, ignore
from datacheck.model.profile import Profile
from datacheck.scanning.keys import keeping
from datacheck.scanning.keys.keeping import DEATHS, recognise
from datacheck.scanning.keys.sample_keys import probe_limits
from datacheck.scanning.profile.taking import Left, Taken
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import Job
from datacheck.workers import interface
from datacheck.workers.interface import Death
from datacheck.workers.pool import Pool
from datacheck.workers.templates import WORKER_BYTES

COUNT = 100
STORE = {b"image-%09d" % number: b"x" * 20 for number in range(1, COUNT + 1)}
STORE |= {b"label-%09d" % number: b"word" for number in range(1, COUNT + 1)} | {b"num-samples": b"%d" % COUNT}
PROBES = [Shard("", Position(key)) for key in [b"image-000000001", b"image-000000050", b"label-000000001", b"num"]]


@dataclass(frozen=True)
class Failing(Delegating):
    """A reader that fails at some of the probes, or in looking up the values of single keys."""

    how: str
    places: tuple[int, ...] = ()
    values: bool = False

    def find(self, name):
        if self.values:
            getattr(self, self.how)()
        return self.reader.find(name)

    def blocks(self, shard, *, limit=None, note=ignore):
        if shard in [PROBES[place] for place in self.places]:
            getattr(self, self.how)()
        yield from self.reader.blocks(shard, limit=limit, note=note)

    def sleeps(self):
        time.sleep(3600)

    def is_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def raises(self):
        raise ValueError("what these bytes made a library say")


class Hasty(Job, frozen=True):
    """A job in which each step must be done in the time for a record, plus that for loading what it needs."""

    def __call__(self, task, watch):
        interface.PATIENCE = keeping.PATIENCE = 1
        return super().__call__(task, watch)


def found(tmp_path, without=(), job=Job, **failing):
    reader = Failing(LmdbReader(write_lmdb(tmp_path / "env", STORE)), **failing)
    with Pool(job(reader, make(timeout=0.1)), 1, WORKER_BYTES) as pool:
        left = tuple(Left(probe, PROBES[probe], Death("SIGALRM", None)) for probe in without)
        known = recognise(pool, Layout([], PROBES, None, None), Taken(Profile(), left=left))
        return known if isinstance(known, Death) else [it for of in known.values() for it in of.conventions]


@pytest.mark.parametrize("how", ["sleeps", "is_killed", "raises"])
def test_a_probe_that_fails_is_left_out(tmp_path, how):
    (convention,) = found(tmp_path, how=how, places=(1,))
    assert convention.name == "ocr"


def test_what_the_profile_left_out_is_not_tried(tmp_path):
    (convention,) = found(tmp_path, without={1}, how="sleeps", places=(1,))
    assert convention.name == "ocr"


def test_where_every_probe_fails_there_is_none_and_it_ends(tmp_path):
    assert len(PROBES) == DEATHS
    assert found(tmp_path, how="is_killed", places=(0, 1, 2, 3)) == []


@pytest.mark.own_workers
def test_where_there_is_no_time_for_any_probe_it_is_not_known_what_the_store_keeps(tmp_path):
    assert found(tmp_path, job=Hasty, how="sleeps", places=(0, 1, 2, 3)).signal == "SIGALRM"


@pytest.mark.own_workers
def test_a_value_that_stops_the_worker_is_said_with_the_time_of_a_record(tmp_path):
    assert found(tmp_path, job=Hasty, how="sleeps", values=True).signal == "SIGALRM"


@pytest.mark.parametrize(
    ("records", "size", "chosen"),
    [
        (None, None, (64, 64)),
        (0, 0, (64, 64)),
        (10**9, 10**12, (64, 64)),
        (10**6, 10**10, (64, 52)),
        (16_000, 16_000 * 196_608, (21, 8)),
        (100, 100 << 30, (1, 8)),
    ],
)
def test_as_many_keys_as_their_values_allow(records, size, chosen):
    assert probe_limits(Layout([], [Shard("")] * 64, records, size)) == chosen


def test_of_few_probes_the_first_and_the_last_are_among_those_looked_at(tmp_path):
    reader = Failing(LmdbReader(write_lmdb(tmp_path / "env", STORE)), how="is_killed", places=(1, 2))
    large = Layout([], PROBES, len(STORE), len(STORE) * (2 << 20))
    with Pool(Job(reader, make(timeout=0.1)), 1, WORKER_BYTES) as pool:
        (convention,) = recognise(pool, large, Taken(Profile()))[""].conventions
    assert convention.name == "count"
