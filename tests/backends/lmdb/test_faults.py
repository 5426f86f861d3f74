"""Test rare pages and values of LMDB, and the whole sentences about faults."""

import os
import struct

import pytest
from building import datum, key, pixels, raw_records, write_lmdb
from lmdb_building import BRANCH, LEAF, PAGE, File

from datacheck.backends import open_store
from datacheck.backends.lmdb.fault_findings import SHOWN, Fault, finding_of, grouped_findings, key_range_text
from datacheck.backends.lmdb.format import PageDamaged
from datacheck.backends.lmdb.page_arrays import Stack
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.backends.lmdb.skeleton import skeleton


def records(path):
    """Return the records of a store in order, and the findings of its reader."""
    reader = open_store(path)
    layout = reader.layout()
    findings, held = list(layout.findings), []
    for shard in layout.shards:
        for block in reader.blocks(shard):
            findings += [block.place(row, finding, row) for row, finding in block.findings]
            held += [(at, bytes(value)) for at, value in zip(block.keys, block.values, strict=True)]
    return held, findings


@pytest.mark.parametrize("at_once", [1, 1000, PAGE, 3 * PAGE + 7])
def test_a_read_that_returns_less_than_was_asked_for_goes_on_where_it_ended(tmp_path, monkeypatch, at_once):
    content = os.urandom(8 * PAGE)
    (tmp_path / "pages").write_bytes(content)
    real = os.preadv

    def preadv(file, buffers, offset):
        (buffer,) = buffers
        return real(file, [buffer[: min(len(buffer), at_once)]], offset)

    monkeypatch.setattr(os, "preadv", preadv)
    with (tmp_path / "pages").open("rb") as file:
        import numpy as np

        stack = Stack(file.fileno(), PAGE, len(content), np.array([1, 2, 3, 6]))
    assert stack.rows.tobytes() == content[PAGE : 4 * PAGE] + content[6 * PAGE : 7 * PAGE]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("leaf", 3, "is zeroed"), "page 3 (leaf, byte 12,288) is zeroed"),
        (Fault("leaf", 3, "is zeroed", count=2), "page 3 (leaf, byte 12,288) is zeroed, and 1 more like it"),
        (Fault("leaf", 3, "is zeroed", count=3), "page 3 (leaf, byte 12,288) is zeroed, and 2 more like it"),
        (
            Fault("branch", 7, "is cut", costs=True, low=b"a", high=b"\xff", after="; its records are lost"),
            r"page 7 (branch, byte 28,672) is cut: keys from a to before \xff; its records are lost",
        ),
        (
            Fault("branch", 7, "is cut", costs=True),
            "page 7 (branch, byte 28,672) is cut: keys from the first to the last",
        ),
        (Fault("commit", 0, "commit 4 is lost"), "commit 4 is lost"),
    ],
)
def test_a_fault_in_a_sentence(fault, message):
    finding = finding_of(fault, PAGE)
    assert finding.message == message
    assert finding.details["count"] == fault.count
    assert ("first_key" in finding.details) == fault.costs


@pytest.mark.parametrize("count", [SHOWN - 1, SHOWN, SHOWN + 1, SHOWN + 3])
def test_of_many_faults_of_a_kind_the_first_are_told_and_the_others_counted(count):
    findings = list(grouped_findings([Fault("leaf", page, "is zeroed", "db") for page in range(2, count + 2)], PAGE))
    assert [it.details["page"] for it in findings[:SHOWN]] == list(range(2, min(count, SHOWN) + 2))
    assert {it.database for it in findings} == {"db"}
    rest = [(it.message, it.details["count"]) for it in findings[SHOWN:]]
    texts = {
        1: f"1 more page with this fault (leaf), {SHOWN + 2}",
        3: f"3 more pages with this fault (leaf), from {SHOWN + 2} to {SHOWN + 4}",
    }
    more = count - SHOWN
    assert rest == ([(texts[more], more)] if more > 0 else [])


def test_a_range_of_keys_in_words():
    assert key_range_text(b"a", b"b") == "from a to before b"
    assert key_range_text(None, b"b") == "from the first to before b"
    assert key_range_text(b"a", None) == "from a to the last"


def test_of_a_tree_of_one_leaf_the_older_commit_counts_where_the_newer_is_lost(tmp_path):
    first = {key(number): datum(pixels(number, (1, 8, 8)), 1) for number in range(4)}
    path = write_lmdb(tmp_path / "env", first)
    newer = {key(2): datum(pixels(99, (1, 8, 8)), 1), key(9): datum(pixels(9, (1, 8, 8)), 2)}
    write_lmdb(path, newer)
    file = File(path)
    assert file.pages(BRANCH) == []
    file.put(0, bytes(PAGE))
    file.save()
    held, findings = records(path)
    assert held == [*first.items(), (key(9), newer[key(9)])]
    assert [finding.key for finding in findings if finding.code == "orphan"] == [key(9).decode()]


@pytest.fixture
def pages(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(300, (1, 16, 16)))
    return File(path)


def opened(file):
    file.save()
    return Pages(file.path)


def test_two_pages_in_each_others_place_are_damage(pages):
    one, two = pages.pages(LEAF)[:2]
    branch = pages.pages(BRANCH)[0]
    contents = pages.get(branch), pages.get(one)
    pages.put(one, contents[0])
    pages.put(branch, contents[1])
    with opened(pages) as read:
        for number in (one, branch):
            with pytest.raises(PageDamaged, match=f"page {number} has another page's number"):
                read.page(number)
        with pytest.raises(PageDamaged, match="has another page's number"):
            read.seams(read.meta.main, 5)
        assert read.is_leaf(read.page(two))


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (lambda file, page: file.put(page, file.get(page)[:10] + b"\4\0" + file.get(page)[12:]), "neither a branch"),
        (lambda file, page: file.raw.__delitem__(slice(page * PAGE + 50, None)), "beyond the end of the file"),
    ],
)
def test_a_page_that_is_none_of_a_tree_is_damage(pages, break_it, why):
    leaf = pages.pages(LEAF)[-1]
    break_it(pages, leaf)
    with opened(pages) as read, pytest.raises(PageDamaged, match=why):
        read.page(leaf)


@pytest.mark.parametrize(
    ("offset", "value", "why"),
    [
        (12, 4, "a page's node count does not fit the page"),
        (12, 60_000, "a page's node count does not fit the page"),
        (16, PAGE - 4, "a node lies outside its page"),
    ],
)
def test_a_page_whose_nodes_do_not_fit_is_damage(pages, offset, value, why):
    leaf = pages.pages(LEAF)[0]
    struct.pack_into("=H", pages.raw, leaf * PAGE + offset, value)
    with opened(pages) as read, pytest.raises(PageDamaged, match=why):
        read.nodes(read.page(leaf))


def test_a_key_over_the_end_of_its_page_is_damage(pages):
    leaf = pages.pages(LEAF)[0]
    (node,) = struct.unpack_from("=H", pages.raw, leaf * PAGE + 16)
    struct.pack_into("=H", pages.raw, leaf * PAGE + node + 6, 5000)
    with opened(pages) as read, pytest.raises(PageDamaged, match="a key runs over the end of its page"):
        read.nodes(read.page(leaf))


def test_a_tree_that_leads_back_to_itself_is_damage(pages):
    branch = pages.pages(BRANCH)[0]
    (node,) = struct.unpack_from("=H", pages.raw, branch * PAGE + 16)
    struct.pack_into("=IH", pages.raw, branch * PAGE + node, branch, 0)
    struct.pack_into("=H", pages.raw, branch * PAGE + 12, 18)
    with opened(pages) as read:
        with pytest.raises(PageDamaged, match="deeper than LMDB allows"):
            read.seams(read.meta.main, 10**12)
        with pytest.raises(PageDamaged, match="runs in a circle"):
            list(read.leaf_nodes(read.meta.main))


@pytest.mark.parametrize("dupfixed", [False, True])
def test_a_key_with_so_many_values_that_their_tree_has_three_levels_is_read_whole(tmp_path, monkeypatch, dupfixed):
    values = [b"%040d" % number for number in range(60_000)]
    options = {"dupfixed": True} if dupfixed else {}
    path = write_lmdb(tmp_path / "env", [(b"many", value) for value in values], name=b"d", dupsort=True, **options)
    monkeypatch.setattr(LmdbReader, "_refusal", lambda self: "not this time")
    depths = {part: tree.record.depth for part, tree in skeleton(path / "data.mdb").trees.items()}
    assert depths == {"d": 1}
    held, findings = records(path)
    assert held == [(b"many", value) for value in values]
    assert [finding.message for finding in findings] == ["lmdb cannot open it: not this time"]
