"""Scans in which the comparison of a store's own counts and lists with its keys dies, and with it a worker."""

import pickle

import pytest
from convention_stores import picture, write, write_databases
from killed_scans import killed_at

import datacheck

NAMES = [f"{room}{at * 7919 % 65536:04x}".encode() for at in range(60) for room in ("kitchen", "office")]


def listed():
    keys = [b"%08d" % at for at in range(40)]
    return {**{key: picture(at, (8, 8)) for at, key in enumerate(keys)}, b"__keys__": pickle.dumps(keys)}


def in_two_parts():
    return {name + end: picture(at, (8, 8)) for at, name in enumerate(NAMES) for end in (b"/rgb", b"/depth")}


def store_compared_by(task, path):
    """Write a store that a task of this name is needed for; the last two lack the part of one sample."""
    if task == "CompareLists":
        return write(path, listed())
    if task == "FindUnpaired":
        return write(path, {key: it for key, it in in_two_parts().items() if key != NAMES[50] + b"/rgb"})
    apart = {part: {it: picture(at, (8, 8)) for at, it in enumerate(NAMES)} for part in ("images", "masks")}
    del apart["masks"][NAMES[50]]
    return write_databases(path, apart)


@pytest.mark.parametrize("task", ["CompareLists", "FindUnpaired", "FindLacking"])
def test_a_comparison_that_always_dies_is_told_and_one_that_dies_once_changes_nothing(tmp_path, task):
    store = store_compared_by(task, tmp_path / "store")
    whole = datacheck.scan(store)
    assert whole.complete
    once = datacheck.scan(store, engine=killed_at(task, 1), workers=1)
    assert (once.findings[:], once.groups, once.complete) == (whole.findings[:], whole.groups, True)
    never = datacheck.scan(store, engine=killed_at(task, 99), workers=1)
    assert "comparing what the store keeps" in never.findings[0].message
    assert (never.status, never.complete, len(never.findings)) == (3, False, 1)
