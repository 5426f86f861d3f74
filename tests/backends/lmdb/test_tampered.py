"""Test environments from which something was removed so that the counts still match: they are not called clean."""

import struct

import pytest
from building import datum, key, pixels, write_lmdb
from lmdb_building import BRANCH, LEAF, PAGE, File

import datacheck
from datacheck.backends.lmdb.format import BIGDATA
from datacheck.backends.lmdb.pages import Pages


def sound(path, shape=(1, 9, 9), count=600, **options):
    return write_lmdb(path, {key(at): datum(pixels(at, shape), at % 5) for at in range(count)}, **options)


def offsets(file, page):
    lower = struct.unpack_from("=H", file.raw, page * PAGE + file.header - 4)[0]
    base = file.header if file.header == 24 else 0
    count = (lower + base - file.header) // 2
    return list(struct.unpack_from(f"={count}H", file.raw, page * PAGE + file.header))


def drop_node(file, page, at):
    """Remove a node from a page's list, but leave its bytes in place."""
    left = offsets(file, page)
    del left[at]
    place = page * PAGE + file.header
    struct.pack_into(f"={len(left)}H", file.raw, place, *left)
    lower = struct.unpack_from("=H", file.raw, place - 4)[0]
    struct.pack_into("=H", file.raw, place - 4, lower - 2)


def change_counts(file, path, entries=0, leaves=0):
    with Pages(path / "data.mdb") as pages:
        meta, main = pages.meta.txnid & 1, pages.meta.main
    place = meta * PAGE + file.header + 24 + 48
    struct.pack_into("=Q", file.raw, place + 16, main.leaves + leaves)
    struct.pack_into("=Q", file.raw, place + 32, main.entries + entries)


@pytest.mark.parametrize("version", [{}, {"lib_version": 1}], ids=["0.9", "1.0"])
def test_a_record_taken_out_of_its_leaf_leaves_a_gap(tmp_path, version):
    path = sound(tmp_path / "it", **version)
    assert datacheck.scan(path, workers=1).status == 0
    file = File(path)
    page = file.pages(LEAF)[3]
    drop_node(file, page, 2)
    change_counts(file, path, entries=-1)
    file.save()
    report = datacheck.scan(path, workers=1)
    assert (report.status, report.checked) == (1, 599)
    (message,) = [it.message for it in report.findings]
    assert message.startswith(f"page {page} (leaf, byte {page * PAGE:,}) has ")
    assert " bytes between its records, where something is missing: keys from " in message


def test_a_leaf_taken_out_of_its_branch_is_undecided(tmp_path):
    path = sound(tmp_path / "it")
    file = File(path)
    branch = file.pages(BRANCH)[0]
    leaf = struct.unpack_from("=H", file.raw, branch * PAGE + offsets(file, branch)[4])[0]
    records = len(offsets(file, leaf))
    drop_node(file, branch, 4)
    change_counts(file, path, entries=-records, leaves=-1)
    file.save()
    report = datacheck.scan(path, workers=1)
    (said,) = report.findings
    assert (report.status, said.verdict) == (3, "unverifiable")
    assert (
        f"the first is {leaf:,}, is neither used nor listed as free; 1 of them looks like a leaf, and the"
        in said.message
    )


def test_an_old_version_on_a_page_that_is_in_no_list_is_suspicious_alone(tmp_path):
    """No record is missing: the page holds keys that the store has."""
    path = sound(tmp_path / "it")
    file = File(path)
    new, old = len(file), file.pages(LEAF)[3]
    file.raw += struct.pack("=Q", new) + file.get(old)[8:]
    with Pages(path / "data.mdb") as pages:
        meta = pages.meta
    assert meta.last_page == new - 1
    struct.pack_into("=Q", file.raw, (meta.txnid & 1) * PAGE + file.header + 24 + 96, new)
    file.save()
    (said,) = datacheck.scan(path, workers=1).findings
    assert (said.verdict, said.message.endswith("1 of them looks like a leaf")) == ("suspicious", True)


def test_of_two_values_on_the_same_pages_neither_is_clean(tmp_path):
    path = sound(tmp_path / "it", shape=(3, 50, 50), count=60)
    file = File(path)
    page = file.pages(LEAF)[0]
    places = [page * PAGE + at for at in offsets(file, page)]
    assert struct.unpack_from("=H", file.raw, places[0] + 4)[0] == BIGDATA
    one, other = (at + 8 + struct.unpack_from("=H", file.raw, at + 6)[0] for at in places[1:3])
    file.raw[one : one + 8] = file.raw[other : other + 8]
    file.save()
    for workers in (1, 2):
        report = datacheck.scan(path, workers=workers)
        verdicts = sorted((it.key or "", it.verdict) for it in report.findings if it.code == "damaged-store")
        assert verdicts == [("00000001", "unverifiable"), ("00000002", "unverifiable")]
        assert report.status == 3
