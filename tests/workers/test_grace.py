"""Test that the time to load what a record needs is never held against it, whatever the process did before."""

import importlib
import sys

import pytest
from building import key, raw_records, write_lmdb

from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.decoders import DECODERS
from datacheck.model.blocks import Position, Shard
from datacheck.model.profile import Profile
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import Check, Job, TakeLayout
from datacheck.workers.interface import Watch
from datacheck.workers.pool import Pool

pytestmark = pytest.mark.own_workers

LIBRARIES = {"PIL", "simplejpeg"}


class Asking(Job, frozen=True):
    """A job that returns the libraries that were loaded before its first alarm was set."""

    def __call__(self, task, watch):
        loaded = []
        noting = Watch.note

        def note(watch, value):
            loaded.append(LIBRARIES & sys.modules.keys())
            noting(watch, value)

        watch.note = note.__get__(watch)
        try:
            super().__call__(task, watch)
        finally:
            del watch.note
        return loaded[0]


@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_last_try_in_a_process_that_has_decoded_nothing_waits_for_no_library(tmp_path, last):
    reader = LmdbReader(write_lmdb(tmp_path / "env", raw_records(60)))
    shard = Shard("", Position(key(7)), Position(key(7), 1))
    with Pool(Asking(reader, make()), 1, 1 << 30) as pool:
        ((_, before),) = pool.run([TakeLayout()])
        ((_, loaded),) = pool.run([Check(shard, Profile(), careful=True, last=last)])
    assert before == set()
    assert loaded == (LIBRARIES if last else set())


@pytest.mark.parametrize("name", DECODERS)
def test_what_a_decoder_loads_late_is_there(name):
    for module in DECODERS[name].late:
        assert importlib.import_module(module)
