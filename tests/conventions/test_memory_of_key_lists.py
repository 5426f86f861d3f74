"""Test that lists of keys are compared without a set of all keys, with the same results as with one."""

import tracemalloc

import pytest

from datacheck.conventions.values.key_digests import KeyDigests, digests_of, distinct_count


def test_missing_and_unlisted_keys_are_told_as_by_sets():
    listed = [b"a", b"b", b"c", b"b", b"own"]
    keys = KeyDigests(listed)
    assert len(keys) == distinct_count(listed) == 4
    assert keys.find(digests_of([b"a", b"z"])).tolist() == [True, False]
    assert not keys.are_all_found
    assert keys.missing(listed, {b"own"}) == (b"b", b"c")
    keys.find(digests_of([b"c", b"b", b"own"]))
    assert keys.are_all_found


@pytest.mark.parametrize("keys", [[], [b"x"]])
def test_an_empty_list_or_database_has_no_keys_in_common(keys):
    assert KeyDigests([]).find(digests_of(keys)).tolist() == [False] * len(keys)
    assert KeyDigests(keys).find(digests_of([])).tolist() == []


def test_keys_of_a_long_list_take_less_memory_than_a_set_of_them():
    count = 50_000
    tracemalloc.start()
    try:
        keys = KeyDigests(b"clip_%08d" % number for number in range(count))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(keys) == count
    assert peak < 50 * count  # each key alone takes 46 bytes, and in a set at least 30 more
