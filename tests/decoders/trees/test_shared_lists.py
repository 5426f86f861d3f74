"""Lists that contain each other repeatedly, and stand for far more numbers than their bytes."""

import tracemalloc

from datacheck.decoders.trees import lists
from datacheck.decoders.trees.tree import Items


def test_lists_of_too_many_numbers_are_not_laid_out(monkeypatch):
    monkeypatch.setattr(lists, "VALUES", 1000)
    part = Items([1.5])
    for _ in range(2):
        part = Items([part] * 512)
    tracemalloc.start()
    try:
        assert lists.rectangle(part) is None
        assert tracemalloc.get_traced_memory()[1] < 64 << 10
    finally:
        tracemalloc.stop()


def test_lists_of_as_many_numbers_as_allowed_are_an_array(monkeypatch):
    monkeypatch.setattr(lists, "VALUES", 64)
    assert lists.rectangle(Items([Items([1.5] * 8)] * 8)).shape == (8, 8)
