"""Test that a disk counts as dead only after failures in a row, and that a dead disk costs no pauses."""

import errno
import os

import pytest

from datacheck.files import retrying


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Return the pauses that are made, without making them."""
    made = []
    monkeypatch.setattr(retrying.time, "sleep", made.append)
    monkeypatch.setattr(retrying, "_failures", 0)
    return made


def failing(times):
    """Return a read that fails a number of times, and then succeeds."""
    left = [times]

    def read(*_):
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return b"x"

    return read


def fail():
    with pytest.raises(OSError, match="Input/output error"):
        retrying.retried(failing(99))


def test_bad_places_among_good_ones_are_not_a_dead_disk():
    for _ in range(retrying.MOST_FAILURES):
        assert retrying.retried(failing(0)) == b"x"
        fail()
    assert retrying.retried(failing(2)) == b"x"


def test_a_read_of_a_dead_disk_is_not_waited_for(monkeypatch, pauses):
    for _ in range(retrying.MOST_FAILURES):
        fail()
    pauses.clear()
    monkeypatch.setattr(os, "pread", failing(99))
    with pytest.raises(OSError, match="Input/output error"):
        retrying.pread(0, 1, 0)
    assert not pauses
