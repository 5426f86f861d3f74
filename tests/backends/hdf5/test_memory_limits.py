"""Test that too little memory for a sound chunk says nothing about the data, and that a crafted chunk is still bad."""

import resource

import numpy as np
import pytest

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library import bounds
from datacheck.backends.hdf5.library.bounds import SPARE, Starved, at_most, unbounded
from datacheck.backends.hdf5.values.records import unread_finding
from datacheck.backends.hdf5.values.window import Window

WORDS = "Can't synchronously read data (memory allocation failed for raw data chunk)"
FAILURES = [MemoryError("no room"), OSError(WORDS), OSError("Can't read data (Unable to allocate output buffer.)")]


@pytest.fixture(params=FAILURES, ids=["MemoryError", "chunk", "buffer"])
def failure(request):
    return request.param


def limited(monkeypatch, **limits):
    """Pretend that the process has 100 MB, and these limits."""
    monkeypatch.setattr(bounds, "_sizes", lambda: (100 << 20, 100 << 20))
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limits.get(str(which), resource.RLIM_INFINITY),) * 2)
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: None)


@pytest.mark.parametrize("which", [resource.RLIMIT_AS, resource.RLIMIT_DATA])
def test_a_limit_below_what_sound_data_may_need_is_to_blame(monkeypatch, failure, which):
    limited(monkeypatch, **{str(which): (100 << 20) + SPARE + 999})
    with pytest.raises(Starved), at_most(1000):
        raise failure


def test_the_file_is_to_blame_if_sound_data_had_room(monkeypatch, failure):
    limited(monkeypatch, **{str(resource.RLIMIT_AS): (100 << 20) + SPARE + 1001})
    with pytest.raises(type(failure)) as raised, at_most(1000):
        raise failure
    assert raised.value is failure


def test_without_a_bound_only_the_machine_can_be_to_blame(failure):
    with pytest.raises(Starved), unbounded():
        raise failure


@pytest.mark.parametrize("other", [OSError("Can't read data (inflate() failed)"), ValueError("odd"), KeyError("x")])
def test_other_errors_stay_as_they_are(monkeypatch, other):
    limited(monkeypatch, **{str(resource.RLIMIT_AS): 1})
    with pytest.raises(type(other)) as raised, at_most(1000):
        raise other
    assert raised.value is other


class Hungry:
    """An open dataset of which no value can be read."""

    shape, fillvalue = (4,), np.float64(0)

    def __init__(self, failure):
        self.failure = failure

    def __getitem__(self, rows):
        raise self.failure


@pytest.mark.parametrize(("limit", "verdict"), [(1, "unverifiable"), (resource.RLIM_INFINITY, "bad")])
def test_rows_that_a_limit_keeps_from_being_read_are_not_bad(monkeypatch, failure, limit, verdict):
    limited(monkeypatch, **{str(resource.RLIMIT_AS): limit})
    dataset = Dataset(b"/data", (4,), np.dtype("O"))
    window = Window(dataset, Hungry(failure), 4, size=4096)
    window.cover(0, 4)
    assert {it.verdict for it in window.lost.values()} == {verdict}
    assert len(window.lost) == 4
    if verdict == "unverifiable":
        assert {it.code for it in window.lost.values()} == {"too-large"}


def test_a_value_that_a_limit_keeps_from_being_read_is_not_bad(failure):
    dataset = Dataset(b"/data", (4,), np.dtype("f8"))
    starved, crafted = unread_finding(dataset, Starved("no room")), unread_finding(dataset, failure)
    assert (starved.code, starved.verdict, crafted.verdict) == ("too-large", "unverifiable", "bad")
