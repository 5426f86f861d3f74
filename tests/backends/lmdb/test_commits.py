"""Test which commit of an LMDB is the newest, and what is read if its meta pages, roots or names are lost or wrong."""

import os
import random
import struct

import lmdb
import pytest
from building import datum, key, pixels, raw_records, write_lmdb
from covering import pairwise
from lmdb_building import LEAF, PAGE, STORES, File
from random_lmdb import DUPSORT, read

import datacheck
from datacheck.backends.lmdb.metas import read_metas
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.skeleton import skeleton

TXNID, LAST_PAGE, DEPTH, ROOT = 128, 120, 24 + 48 + 6, 24 + 48 + 40
KINDS = ["small", "churned", "version 3", "named", "integer keys", "duplicates"]


class Metas:
    """The numbers in the two meta pages of a file."""

    def __init__(self, path):
        self.file = File(path)
        numbers = [self.get(TXNID, page) for page in (0, 1)]
        self.newer = numbers.index(max(numbers))
        self.older = 1 - self.newer

    def get(self, at, page):
        return struct.unpack_from("=H" if at == DEPTH else "=Q", self.file.raw, page * PAGE + self.file.header + at)[0]

    def set(self, at, value, *pages):
        for page in pages or (0, 1):
            place = page * PAGE + self.file.header + at
            struct.pack_into("=H" if at == DEPTH else "=Q", self.file.raw, place, value)

    def save(self):
        self.file.save()


def flat(held):
    return {(part, *pair) for part, pairs in held.items() for pair in pairs}


def two_commits(path, **options):
    with lmdb.open(str(path), map_size=1 << 26, **options) as environment:
        for start in (0, 2000):
            with environment.begin(write=True) as transaction:
                for number in range(start, start + 2000):
                    transaction.put(key(number), datum(pixels(number % 60, (1, 12, 12)), number % 10))
    return path


@pytest.mark.parametrize(
    ("bit", "which", "options"), pairwise([1, 2, 24], ["older", "newer"], [{}, {"lib_version": 1}])
)
def test_one_wrong_bit_in_the_number_of_a_commit_costs_nothing_and_is_said(tmp_path, which, bit, options):
    path = two_commits(tmp_path / "env", **options)
    metas = Metas(path)
    page = getattr(metas, which)
    metas.set(TXNID, metas.get(TXNID, page) ^ 1 << bit, page)
    metas.save()
    report = datacheck.scan(path, workers=1)
    assert report.counts == {"damaged-store": 1}
    assert (report.bad, report.tally.records) == (1, 4000)
    assert datacheck.rebuild(path, tmp_path / "copy", drop_bad=True, workers=1).kept == 4000


def test_two_commits_of_which_neither_led_to_the_other_are_said_to_be_that(tmp_path):
    path = two_commits(tmp_path / "env")
    metas = Metas(path)
    metas.set(ROOT, metas.get(ROOT, metas.older) + 1, metas.older)
    metas.save()
    (finding,) = datacheck.scan(path, workers=1).findings
    assert finding.code == "damaged-store"
    assert "neither led to the other" in finding.message


def fresh(environment):
    pass


def one_commit(environment):
    with environment.begin(write=True) as transaction:
        transaction.put(b"a", b"b")


def aborted(environment):
    transaction = environment.begin(write=True)
    transaction.put(b"a", b"b")
    transaction.abort()


def emptied(environment):
    one_commit(environment)
    with environment.begin(write=True) as transaction:
        transaction.delete(b"a")


def emptied_and_filled(environment):
    emptied(environment)
    one_commit(environment)


def many_commits(environment):
    chance = random.Random(3)
    for number in range(40):
        with environment.begin(write=True) as transaction:
            for _ in range(chance.randrange(1, 60)):
                transaction.put(b"%d" % chance.randrange(300), bytes(chance.randrange(1, 3000)))
            transaction.delete(b"%d" % number)


def names_alone(environment):
    environment.open_db(b"one")
    environment.open_db(b"two", dupsort=True)


@pytest.mark.parametrize(
    ("write", "version", "copied"),
    pairwise(
        [fresh, one_commit, aborted, emptied, emptied_and_filled, many_commits, names_alone],
        [0, 1],
        ["", "copy", "compact"],
    ),
)
def test_the_numbers_of_sound_environments_are_sound(tmp_path, write, version, copied):
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 26, max_dbs=3, lib_version=version) as environment:
        write(environment)
        if copied:
            path = tmp_path / "copy"
            path.mkdir()
            environment.copy(str(path), compact=copied == "compact")
    with Pages(path / "data.mdb") as pages:
        assert pages.metas.findings == ()
        assert pages.metas.certain
    assert skeleton(path / "data.mdb").findings == []


def test_a_first_commit_that_has_records_is_none(tmp_path):
    """The commit with number 0 is that of a new environment, before anything was committed."""
    path = write_lmdb(tmp_path / "env", raw_records(300))
    metas = Metas(path)
    metas.file.put(0, struct.pack("=Q", 0) + metas.file.get(1)[8:])
    metas.set(TXNID, 0, 0, 1)
    metas.save()
    assert "damaged-store" in datacheck.scan(path, workers=1).counts


def leaf_of_records(metas):
    used = skeleton(metas.file.path).used
    leaves = [page for page in metas.file.pages(LEAF) if used[page] == 1]
    return leaves[len(leaves) // 2]


def last_page_halved(metas):
    metas.set(LAST_PAGE, metas.get(LAST_PAGE, metas.newer) // 2)


def last_page_one_less(metas):
    metas.set(LAST_PAGE, metas.get(LAST_PAGE, metas.newer) - 1)


def last_page_nought(metas):
    metas.set(LAST_PAGE, 0)


def last_page_doubled(metas):
    metas.set(LAST_PAGE, metas.get(LAST_PAGE, metas.newer) * 2)


def root_is_a_leaf(metas):
    metas.set(ROOT, leaf_of_records(metas))


def root_is_a_leaf_and_all(metas):
    metas.set(ROOT, leaf_of_records(metas))
    metas.set(DEPTH, 1)


def one_level_more(metas):
    metas.set(DEPTH, metas.get(DEPTH, metas.newer) + 1)


def two_levels_more(metas):
    metas.set(DEPTH, metas.get(DEPTH, metas.newer) + 2)


def one_level_less(metas):
    metas.set(DEPTH, metas.get(DEPTH, metas.newer) - 1)


def older_zeroed(metas):
    metas.file.put(metas.older, bytes(PAGE))


WRONG = [
    last_page_halved,
    last_page_one_less,
    last_page_nought,
    last_page_doubled,
    root_is_a_leaf,
    root_is_a_leaf_and_all,
    one_level_more,
    two_levels_more,
    one_level_less,
    older_zeroed,
]


@pytest.mark.parametrize("damage", WRONG, ids=lambda it: it.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_number_in_the_metas_costs_no_record_and_is_said(tmp_path, kind, damage):
    path = STORES[kind](tmp_path / "env")
    truth, none = read(path)
    assert none == []
    metas = Metas(path)
    before = bytes(metas.file.raw)
    newest = before[metas.newer * PAGE :][:PAGE]
    damage(metas)
    if kind == "duplicates" and metas.file.get(metas.newer) == newest:
        pytest.skip("the root is the only leaf")
    metas.save()
    held, findings = read(path)
    assert flat(held) == flat(truth)
    assert any(finding.verdict == "bad" for finding in findings)
    assert set(held) == set(truth)


@pytest.mark.parametrize("own", [True, False], ids=["as it was", "with its number set right"])
def test_names_that_are_another_leaf_now_cost_no_record(tmp_path, own):
    path = tmp_path / "env"
    for name in (b"train", b"val"):
        write_lmdb(path, raw_records(700, (1, 12, 12)), name=name)
    metas = Metas(path)
    root = metas.get(ROOT, metas.newer)
    leaf = metas.file.get(leaf_of_records(metas))
    metas.file.put(root, leaf if own else struct.pack("=Q", root) + leaf[8:])
    metas.save()
    held, findings = read(path)
    assert any(finding.verdict == "bad" and finding.details.get("kind") == "names" for finding in findings)
    whole = [pairs for part, pairs in held.items() if part]
    assert [len(pairs) for pairs in whole] == [700, 700]
    assert own == ("" not in held)


def test_a_small_database_whose_leaf_was_misplaced_keeps_what_is_left(tmp_path):
    """It is one leaf, like a page of names, and there are no leaves without a name."""
    path = write_lmdb(tmp_path / "env", raw_records(5))
    metas = Metas(path)
    place = metas.get(ROOT, metas.newer) * PAGE
    struct.pack_into("=Q", metas.file.raw, place, 77)
    metas.save()
    held, findings = read(path)
    assert [finding.verdict for finding in findings] == ["bad"]
    assert list(held) == [""]


@pytest.mark.parametrize("options", [{}, {"lib_version": 1}], ids=str)
def test_leaves_of_a_lost_commit_on_pages_that_were_free_are_orphans(tmp_path, options):
    """The file did not grow: all that the last commit wrote lies on free pages of the commit before."""
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 26, **options) as environment:
        for turn in range(4):
            with environment.begin(write=True) as transaction:
                for number in range(200):
                    transaction.put(key(number), datum(pixels(number + turn, (1, 16, 16)), 1))
        with environment.begin(write=True) as transaction:
            for number in range(200, 230):
                transaction.put(key(number), datum(pixels(number, (1, 16, 16)), 1))
        last = environment.info()["last_pgno"]
    metas = Metas(path)
    assert metas.get(LAST_PAGE, metas.older) == last
    metas.file.put(metas.newer, bytes(PAGE))
    metas.save()
    held, findings = read(path)
    orphans = {finding.key for finding in datacheck.scan(path, workers=1).findings if finding.code == "orphan"}
    assert {at for at, _ in held[""]} == {key(number) for number in range(230)}
    assert orphans == {key(number).decode() for number in range(200, 230)}
    assert any("was written, and its meta page is lost" in finding.message for finding in findings)


def test_without_a_sign_of_a_lost_commit_old_versions_do_not_come_back(tmp_path):
    path = STORES["churned"](tmp_path / "env")
    truth, _ = read(path)
    metas = Metas(path)
    metas.file.put(metas.older, bytes(PAGE))
    metas.save()
    held, findings = read(path)
    assert held == truth
    assert "orphan" not in {finding.code for finding in findings}


@pytest.mark.parametrize("seed", range(4))
def test_leaves_that_overlap_are_read_together_wherever_a_range_is_cut(tmp_path, seed):
    """The older meta page and the free list are zeroed, so leaves of older commits overlap those of the newest."""
    chance = random.Random(seed)
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 26) as environment:
        for _ in range(8):
            with environment.begin(write=True) as transaction:
                for _ in range(150):
                    number = chance.randrange(1500)
                    transaction.put(key(number), datum(pixels(chance.randrange(1000), (1, 10, 20)), 1))
                for _ in range(20):
                    transaction.delete(key(chance.randrange(1500)))
    truth, _ = read(path)
    metas = Metas(path)
    with Pages(path / "data.mdb") as pages:
        free = pages.meta.free.root
    metas.file.put(metas.older, bytes(PAGE))
    metas.file.put(free, bytes(PAGE))
    metas.save()
    for options in ({}, {"limit": 7}, {"shard_bytes": 10_000}):
        held, _ = read(path, **options)
        assert flat(truth) <= flat(held)
        assert len({at for at, _ in held[""]}) == len(held[""])


def test_a_hole_of_terabytes_behind_lost_metas_costs_nothing(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(100))
    truth, _ = read(path)
    metas = Metas(path)
    metas.file.put(0, bytes(PAGE))
    metas.file.put(1, bytes(PAGE))
    metas.save()
    os.truncate(metas.file.path, 8 << 40)
    with Pages(metas.file.path) as pages:
        assert pages.meta.last_page < 1000
    held, _ = read(path)
    assert held == truth


def test_metas_without_a_hole_are_those_of_the_file(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(100))
    raw = (path / "data.mdb").read_bytes()
    metas = read_metas(lambda offset, size: raw[offset : offset + size], len(raw))
    assert metas.sound
    assert not metas.chosen.main.flags & DUPSORT


@pytest.mark.parametrize("number", [1 << 60, (1 << 63) - 1, (1 << 64) - 2])
def test_a_list_of_free_pages_that_lies_anywhere_is_damage(tmp_path, number):
    path = STORES["churned"](tmp_path / "env")
    metas = Metas(path)
    metas.set(24 + 40, number)
    metas.save()
    assert any(finding.verdict == "bad" for finding in read(path)[1])
