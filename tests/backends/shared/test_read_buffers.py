"""Test the buffers for large reads: aligned, bounded, and reused, newest first, once there is no view of them."""

import numpy as np
import pytest

from datacheck.backends.shared import read_buffers
from datacheck.backends.shared.read_buffers import ALIGNED, HUGE, STEP, _Pool

MB = 1 << 20


def address(view):
    return np.frombuffer(view, np.uint8).__array_interface__["data"][0]


@pytest.mark.parametrize("size", [1, STEP - 1, STEP, 3 * MB + 5, HUGE + 5])
def test_it_is_aligned_and_of_the_size_that_is_wanted(size):
    view = _Pool().take(size)
    assert len(view) == size
    assert address(view) % ALIGNED == 0
    assert not view.readonly


@pytest.mark.parametrize("size", [MB, HUGE])
def test_what_somebody_has_a_view_of_is_not_handed_out_again(size):
    kept = _Pool()
    first = kept.take(size)
    array = np.frombuffer(first, np.uint8)
    place = address(first)
    del first
    second = kept.take(size)
    assert address(second) != place
    del array
    assert address(kept.take(size)) == place


def test_a_lack_of_memory_for_a_large_buffer_is_a_memory_error():
    with pytest.raises(MemoryError, match="cannot be mapped"):
        _Pool().take(1 << 50)


def test_what_was_in_use_last_is_handed_out_first():
    kept = _Pool()
    views = [kept.take(MB) for _ in range(3)]
    places = [address(view) for view in views]
    del views
    for _ in range(4):
        assert address(kept.take(MB)) == places[-1]


def test_a_piece_fits_what_needs_a_fourth_of_it_but_nothing_far_smaller():
    kept = _Pool()
    place = address(kept.take(8 * MB))
    assert address(kept.take(2 * MB)) == place
    assert address(kept.take(MB)) != place
    assert address(kept.take(9 * MB)) != place


def test_so_many_bytes_are_kept_at_most(monkeypatch):
    monkeypatch.setattr(read_buffers, "KEPT", 4 * MB)
    kept = _Pool()
    held = [kept.take(MB) for _ in range(20)]
    assert sum(len(buffer) for buffer, _ in kept._buffers) <= 6 * MB
    assert len({address(view) for view in held}) == 20
