"""Unused places in the index of an old-style group: old versions of the library leave there what the memory held."""

from __future__ import annotations

import struct

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

HEAD, LINK = 24, 16


def file_of_groups(path, members):
    with h5py.File(path, "w", libver="earliest") as file:
        for group, names in members.items():
            made = file.create_group(group)
            for name in names:
                made[name] = np.arange(6.0) + len(name)


def indexes(raw):
    """Return the address of the index and the names in each group, in the order of the file."""
    found, at = {}, raw.find(b"TREE\0")
    while at >= 0:
        used = struct.unpack_from("<H", raw, at + 6)[0]
        found[at] = [struct.unpack_from("<Q", raw, at + HEAD + 8 + LINK * nth)[0] for nth in range(used)]
        at = raw.find(b"TREE\0", at + 1)
    return found


def leave_over(path, used):
    """Write the links of the last index into the unused places of the index that has `used` links."""
    raw = bytearray(path.read_bytes())
    found = indexes(raw)
    *_, last = (links for links in found.values() if links)
    at = [at for at, links in found.items() if len(links) == used and links != last][-1]
    for nth, link in enumerate(last):
        struct.pack_into("<Q", raw, at + HEAD + 8 + LINK * (used + nth), link)
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("members", "used"),
    [
        pytest.param({"empty": [], "full": ["a", "b"]}, 0, id="empty group"),
        pytest.param({"few": ["x", "y"], "full": ["a", "b"]}, 1, id="names at the same places"),
        pytest.param({"few": ["x"], "full": [f"name_{it}" for it in range(40)]}, 1, id="more names elsewhere"),
    ],
)
def test_links_of_another_group_in_unused_places_are_sound(tmp_path, members, used):
    path, copy = tmp_path / "a.h5", tmp_path / "copy.h5"
    file_of_groups(path, members)
    before = scan(path, workers=1)
    leave_over(path, used)
    report = scan(path, workers=1)
    assert [it.code for it in report.findings] == []
    assert (report.checked, report.status) == (before.checked, 0)
    rebuild(path, copy, workers=1)
    with h5py.File(copy) as file:
        assert {name: set(file[name]) for name in file} == {name: set(names) for name, names in members.items()}


@pytest.mark.parametrize(("count", "used"), [(3, 0), (40, 1), (40, 2)])
def test_links_of_the_group_itself_in_unused_places_are_lost(tmp_path, count, used):
    path = tmp_path / "a.h5"
    file_of_groups(path, {"few": [f"name_{it}" for it in range(count)], "other": ["a"]})
    before = scan(path, workers=1)
    raw = bytearray(path.read_bytes())
    at = list(indexes(raw))[1]
    struct.pack_into("<H", raw, at + 6, used)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert [(it.code, it.details["object"]) for it in report.findings] == [("damaged-store", "/few")]
    assert (report.checked, report.status) == (before.checked, 1)


def chunked(path, written):
    """Write two datasets of 60 chunks, of which the first `written` are stored; return the roots of the indexes."""
    with h5py.File(path, "w", libver="earliest") as file:
        for name, count in (("few", written), ("all", 60)):
            file.create_dataset(name, (60,), "i4", chunks=(1,))[:count] = np.arange(count) % 7
    raw = bytearray(path.read_bytes())
    found, at = {}, raw.find(b"TREE\x01\0")
    while at >= 0:
        found[struct.unpack_from("<H", raw, at + 6)[0]] = at
        at = raw.find(b"TREE\x01\0", at + 1)
    return raw, found


def test_chunks_of_another_dataset_in_unused_places_are_sound(tmp_path):
    path, entry = tmp_path / "a.h5", 32
    raw, roots = chunked(path, 10)
    before = scan(path, workers=1)
    start, other = roots[10] + HEAD + 11 * entry, roots[60] + HEAD + 11 * entry
    raw[roots[10] + HEAD + 10 * entry + 24 : start] = raw[other - 8 : other]
    raw[start : start + 40 * entry] = raw[other : other + 40 * entry]
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert [it.code for it in report.findings] == [it.code for it in before.findings]
    assert report.status == before.status


def test_chunks_that_an_index_no_longer_counts_are_lost(tmp_path):
    path = tmp_path / "a.h5"
    raw, roots = chunked(path, 10)
    struct.pack_into("<H", raw, roots[60] + 6, 50)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert {it.code for it in report.findings if it.verdict == "bad"} == {"damaged-store"}
