"""Break one named thing in an LMDB, and test what a scan says and what a rebuild keeps, by the public functions."""

import struct

import lmdb
import pytest
from building import fingerprint, raw_records, write_lmdb
from lmdb_building import BRANCH, LEAF, OVERFLOW, PAGE, File, churned, places

import datacheck
from datacheck.backends.lmdb.page_accounting import verify

META = {"magic": 0, "version": 4, "map size": 16, "free": 24, "main": 72, "last page": 120, "commit": 128}
"""Offsets of the parts of a meta page after its page header (struct MDB_meta of LMDB's mdb.c, 64-bit)."""
RECORD = {"flags": 4, "depth": 6, "branches": 8, "leaves": 16, "overflow": 24, "entries": 32, "root": 40}
"""Offsets of the fields of a database's record (struct MDB_db)."""
NEWEST = 1


def meta(file, part, kind, value, pages=(0, 1)):
    """Write a number into meta pages."""
    for page in pages:
        struct.pack_into(kind, file.raw, page * PAGE + file.header + META[part], value)


def record(file, part, field, kind, value, pages=(0, 1)):
    for page in pages:
        struct.pack_into(kind, file.raw, page * PAGE + file.header + META[part] + RECORD[field], value)


def node(file, page, nth):
    """Return the offset of a page's node in the file."""
    (offset,) = struct.unpack_from("=H", file.raw, page * PAGE + file.header + 2 * nth)
    return page * PAGE + offset


def zero_the_newest_meta(file):
    file.put(NEWEST, bytes(PAGE))


def zero_both_metas(file):
    file.put(0, bytes(PAGE))
    file.put(1, bytes(PAGE))


def spoil_the_magic(file):
    meta(file, "magic", "=I", 0xBEEF, [NEWEST])


def spoil_the_version(file):
    meta(file, "version", "=I", 77, [NEWEST])


def lead_the_root_behind_the_end(file):
    record(file, "main", "root", "=Q", 5000)


def lead_the_root_to_a_leaf(file):
    record(file, "main", "root", "=Q", file.pages(LEAF)[3])


def count_one_record_less(file):
    record(file, "main", "entries", "=Q", 299)


def count_too_few_leaves(file):
    record(file, "main", "leaves", "=Q", 2)


def spoil_the_depth(file):
    record(file, "main", "depth", "=H", 1)


def spoil_the_last_page(file):
    meta(file, "last page", "=Q", 4)


def zero_the_branch(file):
    (branch,) = file.pages(BRANCH)
    file.put(branch, bytes(PAGE))


def lead_a_branch_behind_the_end(file):
    (branch,) = file.pages(BRANCH)
    struct.pack_into("=IH", file.raw, node(file, branch, 4), 5000, 0)


def lead_a_branch_to_itself(file):
    (branch,) = file.pages(BRANCH)
    struct.pack_into("=IH", file.raw, node(file, branch, 4), branch, 0)


def lead_a_branch_to_one_leaf_twice(file):
    (branch,) = file.pages(BRANCH)
    one, two = node(file, branch, 4), node(file, branch, 5)
    file.raw[one : one + 4] = file.raw[two : two + 4]


def swap_two_keys_of_a_branch(file):
    (branch,) = file.pages(BRANCH)
    at = branch * PAGE + file.header + 2 * 4
    file.raw[at : at + 4] = file.raw[at + 2 : at + 4] + file.raw[at : at + 2]


def number_a_branch_wrongly(file):
    (branch,) = file.pages(BRANCH)
    struct.pack_into("=Q", file.raw, branch * PAGE, 9)


def call_a_branch_a_leaf(file):
    (branch,) = file.pages(BRANCH)
    struct.pack_into("=H", file.raw, branch * PAGE + file.header - 6, LEAF)


def zero_a_leaf(file):
    file.put(file.pages(LEAF)[5], bytes(PAGE))


def number_a_leaf_wrongly(file):
    struct.pack_into("=Q", file.raw, file.pages(LEAF)[5] * PAGE, 9)


def call_a_leaf_a_branch(file):
    struct.pack_into("=H", file.raw, file.pages(LEAF)[5] * PAGE + file.header - 6, BRANCH)


def lead_a_node_outside_its_page(file):
    struct.pack_into("=H", file.raw, file.pages(LEAF)[5] * PAGE + file.header + 4, PAGE - 2)


def make_a_key_too_long(file):
    struct.pack_into("=H", file.raw, node(file, file.pages(LEAF)[5], 2) + 6, 5000)


def make_a_value_too_long(file):
    struct.pack_into("=H", file.raw, node(file, file.pages(LEAF)[5], 2), 9000)


def spoil_the_flags_of_a_node(file):
    struct.pack_into("=H", file.raw, node(file, file.pages(LEAF)[5], 2) + 4, 0x40)


def swap_two_keys_of_a_leaf(file):
    at = file.pages(LEAF)[5] * PAGE + file.header + 4
    file.raw[at : at + 4] = file.raw[at + 2 : at + 4] + file.raw[at : at + 2]


def put_the_same_key_twice(file):
    at = file.pages(LEAF)[5] * PAGE + file.header + 4
    file.raw[at : at + 2] = file.raw[at + 2 : at + 4]


def spoil_the_free_room_of_a_leaf(file):
    struct.pack_into("=H", file.raw, file.pages(LEAF)[5] * PAGE + file.header - 4, 60_000)


def cut_at_a_page(file):
    del file.raw[(len(file) * 6 // 10) * PAGE :]


def cut_within_a_page(file):
    del file.raw[(len(file) * 6 // 10) * PAGE + 100 :]


def extent(file, nth=7):
    """Return the first overflow page of a value."""
    return file.pages(OVERFLOW)[nth]


def number_an_extent_wrongly(file):
    struct.pack_into("=Q", file.raw, extent(file) * PAGE, 9)


def call_an_extent_a_leaf(file):
    struct.pack_into("=H", file.raw, extent(file) * PAGE + file.header - 6, LEAF)


def give_an_extent_too_few_pages(file):
    struct.pack_into("=I", file.raw, extent(file) * PAGE + file.header - 4, 1)


def zero_the_first_page_of_an_extent(file):
    file.put(extent(file), bytes(PAGE))


def zero_a_page_within_an_extent(file):
    file.put(extent(file) + 1, bytes(PAGE))


def node_of_extent(file, number):
    """Return the offset of the overflow page number in a record's node."""
    for page in file.pages(LEAF):
        at = file.raw.find(b"%08d" % number, page * PAGE, (page + 1) * PAGE)
        if at > 0:
            return at + 8
    raise AssertionError(number)


def lead_a_value_behind_the_end(file):
    struct.pack_into("=Q", file.raw, node_of_extent(file, 7), 5000)


def lead_a_value_to_a_leaf(file):
    struct.pack_into("=Q", file.raw, node_of_extent(file, 7), file.pages(LEAF)[0])


def lead_a_value_to_page_0(file):
    struct.pack_into("=Q", file.raw, node_of_extent(file, 7), 0)


def lead_two_values_to_one_extent(file):
    one, two = node_of_extent(file, 7), node_of_extent(file, 20)
    file.raw[one : one + 8] = file.raw[two : two + 8]


def make_a_value_longer_than_its_extent(file):
    struct.pack_into("=H", file.raw, node_of_extent(file, 7) - 16, 60_000)


def free_root(file):
    """Return the root page of the free list in the newest commit."""
    commits = [struct.unpack_from("=Q", file.raw, it * PAGE + file.header + META["commit"])[0] for it in (0, 1)]
    newest = commits.index(max(commits))
    return struct.unpack_from("=Q", file.raw, newest * PAGE + file.header + META["free"] + RECORD["root"])[0]


def zero_the_free_list(file):
    file.put(free_root(file), bytes(PAGE))


def lead_the_free_list_behind_the_end(file):
    record(file, "free", "root", "=Q", 5000)


def free_a_page_that_is_used(file):
    """Replace the first page number in the free list by that of a leaf."""
    page = free_root(file)
    at = node(file, page, 0) + 16
    used = file.pages(LEAF)
    struct.pack_into("=Q", file.raw, at + 8, used[-1])


def free_a_page_behind_the_end(file):
    page = free_root(file)
    struct.pack_into("=Q", file.raw, node(file, page, 0) + 16 + 8, 77_777)


def list_more_free_pages_than_there_is_room_for(file):
    page = free_root(file)
    struct.pack_into("=Q", file.raw, node(file, page, 0) + 16, 1 << 40)


S = ("damaged-store", None)
"""Code and key of a fault of the store as a whole."""
MISSING = "{0} records, and {1} were read: {2} are lost"
# damage: the code and key of each finding, the numbers of the lost records, words of the findings
SMALL = {
    zero_the_newest_meta: ([S, S], (), ["meta page 1 is damaged: it is zeroed", "as of commit 0"]),
    zero_both_metas: (
        [S] * 4,
        (),
        ["meta page 0", "meta page 1", "both meta pages", "root of the main database is lost"],
    ),
    spoil_the_magic: ([S, S], (), ["it has no magic number", "as of commit 0"]),
    spoil_the_version: ([S, S], (), ["its data version is 77, that of such pages 1", "as of commit 0"]),
    lead_the_root_behind_the_end: ([S] * 4, (), ["root of its main tree is page 5000"]),
    count_one_record_less: ([S], (), ["299 records, and 300 were read: there are more than that"]),
    count_too_few_leaves: ([S], (), ["says that it has 2 leaf pages, and has 23"]),
    zero_the_branch: ([S], (), ["page 4 (branch, byte 16,384) is zeroed", "23 leaves with such keys"]),
    lead_a_branch_behind_the_end: ([S], (), ["has 1 child that is not a page", "1 leaf with such keys"]),
    lead_a_branch_to_itself: ([S, S], (), ["page 4 (shared, byte 16,384) is used twice", "13 records with such keys"]),
    lead_a_branch_to_one_leaf_twice: ([S, S], (), ["page 8 (shared, byte 32,768) is used twice", "another place"]),
    swap_two_keys_of_a_branch: ([S], (), ["has 1 key out of order", "1 leaf with such keys"]),
    number_a_branch_wrongly: ([S], (), ["page 4 (branch, byte 16,384) has the number of page 9"]),
    zero_a_leaf: (
        [S, S],
        range(65, 78),
        ["page 8 (leaf, byte 32,768) is zeroed: keys from 00000065 to before 00000078"],
    ),
    number_a_leaf_wrongly: ([S], (), ["has the number of page 9", "13 of its records are left, all it had"]),
    call_a_leaf_a_branch: ([S, S], range(65, 78), ["has the flags 0x1, not 0x2", MISSING.format(300, 287, 13)]),
    lead_a_node_outside_its_page: ([S, S], [67], ["has 1 node outside its bounds", MISSING.format(300, 299, 1)]),
    make_a_key_too_long: ([S, S], [67], ["has 1 node outside its bounds", "12 of its records are left"]),
    make_a_value_too_long: (
        [("damaged-store", 67)],
        [67],
        ["the value has 9,000 bytes, and its page ends before them"],
    ),
    spoil_the_flags_of_a_node: ([("damaged-store", 67)], [67], ["the value has the flags 0x40"]),
    swap_two_keys_of_a_leaf: ([S, S], [68], ["has 1 key out of order or of another place"]),
    put_the_same_key_twice: ([S, S], [67], ["has 1 key out of order or of another place"]),
    spoil_the_free_room_of_a_leaf: ([S, S], range(65, 78), ["has its free room from byte 60000 to 378"]),
    cut_at_a_page: (
        [("truncated-store", None)] * 2 + [S],
        range(156, 300),
        ["data.mdb ends at byte 61,440, its last page at 106,496: 45,056 bytes are lost", "and 10 more like it"],
    ),
    cut_within_a_page: (
        [("truncated-store", None)] * 3 + [S],
        range(156, 300),
        ["data.mdb ends at byte 61,540", "is cut by the end of the file", "lies behind the end of the file"],
    ),
}
LARGE = {
    number_an_extent_wrongly: (
        [("damaged-store", 7)],
        [7],
        ["the value begins on page 24, which has the number of page 9"],
    ),
    call_an_extent_a_leaf: ([("damaged-store", 7)], [7], ["the value begins on page 24, which has the flags 0x2"]),
    give_an_extent_too_few_pages: ([("damaged-store", 7)], [7], ["the value takes 3 pages from 24 on, which says 1"]),
    zero_the_first_page_of_an_extent: ([("damaged-store", 7)], [7], ["begins on page 24, which begins with zeros"]),
    lead_a_value_behind_the_end: (
        [("damaged-store", 7)],
        [7],
        ["has the pages 5,000 to 5,002, and the environment ends"],
    ),
    lead_a_value_to_a_leaf: (
        [("damaged-store", 0), ("damaged-store", 7)],
        [7],
        ["begins on page 2, which has the flags"],
    ),
    lead_a_value_to_page_0: ([("damaged-store", 7)], [7], ["has the pages 0 to 2, and the environment ends at 122"]),
    make_a_value_longer_than_its_extent: (
        [("damaged-store", 7), ("damaged-store", 8)],
        [7],
        ["the value takes 15 pages from 24 on, which says 3", "and so does another one: one of the two is wrong"],
    ),
}


def broken(folder, records, damage):
    """Write a store, break one thing in it, and return its path."""
    path = write_lmdb(folder / "env", records)
    file = File(path)
    damage(file)
    file.save()
    return path


def in_copy(target):
    with lmdb.open(str(target), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return list(transaction.cursor())


def judge(folder, records, damage, codes, lost, words):
    """Write, break, scan and rebuild a store, and compare with what is expected."""
    path = broken(folder, records, damage)
    before = fingerprint(path)
    report = datacheck.scan(path, workers=1)
    findings = [it for it in report.findings if it.code != "orphan"]
    assert [(it.code, it.key) for it in findings] == [(code, None if at is None else f"{at:08d}") for code, at in codes]
    said = "\n".join(it.message for it in findings)
    assert [it for it in words if it not in said] == []
    assert report.status == any(it.verdict == "bad" for it in findings)
    assert report.complete
    receipt = datacheck.rebuild(path, folder / "copy", drop_bad=True, workers=1)
    left = [(at, value) for at, value in records.items() if int(at) not in lost]
    assert in_copy(folder / "copy") == left
    assert (receipt.kept, receipt.written) == (len(left), True)
    assert receipt.kept + receipt.dropped == receipt.records == report.checked
    assert fingerprint(path) == before
    assert verify(folder / "copy" / "data.mdb") == []


@pytest.mark.parametrize("damage", SMALL, ids=lambda it: it.__name__)
def test_a_store_of_small_records_of_which_one_thing_is_broken(tmp_path, damage):
    judge(tmp_path, raw_records(300, (1, 16, 16)), damage, *SMALL[damage])


def test_a_branch_that_calls_itself_a_leaf_costs_no_record(tmp_path):
    """The first entry of the branch page has no key, and is not taken for a record."""
    records = raw_records(300, (1, 16, 16))
    store = broken(tmp_path, records, call_a_branch_a_leaf)
    report = datacheck.scan(store, workers=1)
    assert report.status == 1
    assert [it for it in report.findings if it.key is not None and it.verdict == "bad"] == []
    assert "damaged-store" in {it.code for it in report.findings if it.key is None}
    datacheck.rebuild(store, tmp_path / "copy", drop_bad=True, workers=1)
    assert in_copy(tmp_path / "copy") == list(records.items())


@pytest.mark.parametrize("damage", LARGE, ids=lambda it: it.__name__)
def test_a_store_of_large_records_of_which_one_thing_is_broken(tmp_path, damage):
    judge(tmp_path, raw_records(40, (3, 60, 60)), damage, *LARGE[damage])


def test_neither_of_two_values_on_the_same_pages_is_dropped(tmp_path):
    records = raw_records(40, (3, 60, 60))
    path = broken(tmp_path, records, lead_two_values_to_one_extent)
    report = datacheck.scan(path, workers=1)
    assert [(it.code, it.key, it.verdict) for it in report.findings] == [
        ("damaged-store", f"{at:08d}", "unverifiable") for at in (7, 20)
    ]
    datacheck.rebuild(path, tmp_path / "copy", drop_bad=True, workers=1)
    assert dict(in_copy(tmp_path / "copy")) == records | {b"00000007": records[b"00000020"]}


def test_a_page_of_zeros_within_a_value_is_suspicious_and_kept(tmp_path):
    records = raw_records(40, (3, 60, 60))
    path = broken(tmp_path, records, zero_a_page_within_an_extent)
    (finding,) = datacheck.scan(path, workers=1).findings
    assert (finding.code, finding.key, finding.verdict) == ("damaged-store", "00000007", "suspicious")
    assert finding.message == (
        "1 whole page of the file is zero inside the value, from its byte 4,080 on: a lost write, or a hole"
    )


FREE = {
    zero_the_free_list: "is zeroed",
    free_a_page_that_is_used: "is listed as free, and used",
    free_a_page_behind_the_end: "is listed as free, and no page of the environment",
    list_more_free_pages_than_there_is_room_for: "holds a record that is not a list of pages",
}


@pytest.mark.parametrize("damage", FREE, ids=lambda it: it.__name__)
def test_a_free_list_that_is_broken_costs_no_record(tmp_path, damage):
    path = churned(tmp_path / "env")
    truth = sorted((at, value) for _, at, value in places(path))
    file = File(path)
    damage(file)
    file.save()
    report = datacheck.scan(path, workers=1, skip=["shape"])
    (finding,) = report.findings
    assert (finding.code, finding.key) == ("damaged-store", None)
    assert "(free list, byte" in finding.message
    assert finding.message.endswith(FREE[damage])
    assert (report.checked, report.complete) == (len(truth), True)
    datacheck.rebuild(path, tmp_path / "copy", keep=["bad"], workers=1)
    assert in_copy(tmp_path / "copy") == truth


MANY = [b"%06d" % number for number in range(4000)]


@pytest.fixture
def several(tmp_path):
    """A store with keys of one value, of a few, and of so many that they form a subtree."""
    few = [(b"few", value) for value in MANY[:20]]
    return write_lmdb(
        tmp_path / "env", [*few, *((b"many", value) for value in MANY), (b"one", MANY[0])], name=b"d", dupsort=True
    )


def of_copy(path, target):
    datacheck.rebuild(path, target, keep=["bad"], workers=1)
    with lmdb.open(str(target), readonly=True, lock=False, max_dbs=1) as environment:
        database = environment.open_db(b"d", create=False)
        with environment.begin(db=database) as transaction:
            return list(transaction.cursor())


def found(path):
    report = datacheck.scan(path, decoder="text", skip=["constant"], workers=1)
    return [(it.code, it.key, it.message) for it in report.findings if it.code in ("damaged-store", "truncated-store")]


def leaf_of_many(file):
    """Return a leaf of the subtree of values, and the values on it."""
    page = next(it for it in file.pages(LEAF) if b"002000" in file.get(it))
    (lower,) = struct.unpack_from("=H", file.raw, page * PAGE + file.header - 4)
    places = [node(file, page, nth) + 8 for nth in range((lower - file.header) // 2)]
    return page, {bytes(file.raw[at : at + 6]) for at in places}


def test_a_leaf_of_a_keys_values_that_is_zeroed_costs_those_values(tmp_path, several):
    file = File(several)
    page, gone = leaf_of_many(file)
    file.put(page, bytes(PAGE))
    file.save()
    ((code, key, message), *_) = found(several)
    assert (code, key) == ("damaged-store", "many")
    assert message == f"the value is lost in part: page {page} of the tree of its values is zeroed"
    left = [(at, value) for at, value in of_copy(several, tmp_path / "copy") if at == b"many"]
    assert left == [(b"many", value) for value in MANY if value not in gone]


def test_the_root_of_a_keys_values_that_is_zeroed_costs_that_key_and_no_other(tmp_path, several):
    file = File(several)
    (branch,) = [it for it in file.pages(BRANCH) if MANY[2000][:4] in file.get(it)]
    file.put(branch, bytes(PAGE))
    file.save()
    ((code, key, message), *_) = found(several)
    assert (code, key) == ("damaged-store", "many")
    assert message == f"the value is lost in part: page {branch} of the tree of its values is zeroed"
    assert of_copy(several, tmp_path / "copy") == [*((b"few", value) for value in MANY[:20]), (b"one", MANY[0])]


def test_values_of_a_key_that_are_out_of_order_are_said(tmp_path, several):
    file = File(several)
    page = next(it for it in file.pages(LEAF) if b"few" in file.get(it))
    start = file.raw.index(b"few", page * PAGE) + 4
    first, second = (file.raw.index(value, start) for value in MANY[3:5])
    file.raw[first : first + 6], file.raw[second : second + 6] = MANY[4], MANY[3]
    file.save()
    ((code, key, message), *_) = found(several)
    assert (code, key) == ("damaged-store", "few")
    assert message.endswith("1 of its values lie outside their page or out of order")
    left = of_copy(several, tmp_path / "copy")
    assert len([value for at, value in left if at == b"few"]) == 19
    assert [value for at, value in left if at == b"many"] == MANY
