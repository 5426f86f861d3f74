"""Keys that are numbers of four or eight bytes, in either order, as struct and LMDB's INTEGERKEY have them."""

import struct

import lmdb
import pytest
from convention_stores import picture, read, write

import datacheck
from datacheck.model.escaping import escape

ORDERS = [">I", "<I", ">Q", "<Q"]


def pictures(order, count=300, cut=(), gone=(), base=0):
    made = {}
    for number in range(base, count + base):
        value = picture(number % 40)
        if number not in gone:
            made[struct.pack(order, number)] = value[: len(value) // (1 + (number in cut))]
    return made


def numbers(store, order):
    size = struct.calcsize(order)
    return sorted(struct.unpack(order, key)[0] for key in store if len(key) == size)


@pytest.mark.parametrize(("order", "base"), [*zip(ORDERS, [0, 1, 1, 0], strict=True)])
def test_a_gap_in_a_copy_is_said_or_closed_up(tmp_path, order, base):
    source = write(tmp_path / "store", pictures(order, cut=[30], base=base))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    (said,) = receipt.unkept
    assert "lack 30: a loader that counts up needs --renumber" in said
    assert f"keys of {struct.calcsize(order)} bytes" in said
    datacheck.rebuild(source, tmp_path / "closed", drop_bad=True, renumber=True)
    assert numbers(read(tmp_path / "closed"), order) == [*range(base, base + 299)]


@pytest.mark.parametrize(
    ("order", "name"), [*zip(ORDERS, [b"length", b"num_samples", b"__len__", b"length"], strict=True)]
)
def test_a_store_that_counts_is_closed_up(tmp_path, order, name):
    sound = pictures(order) | {name: b"300"}
    assert datacheck.scan(write(tmp_path / "sound", sound)).counts == {}
    source = write(tmp_path / "store", pictures(order, cut=[30]) | {name: b"300"})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    (moved,) = receipt.repairs.renumbered
    assert [moved.name(it) for it in (31, 30)] == [escape(struct.pack(order, it)) for it in (31, 30)]
    store = read(tmp_path / "copy")
    assert (numbers(store, order), store[name]) == ([*range(299)], b"299")
    assert store[struct.pack(order, 30)] == sound[struct.pack(order, 31)]


@pytest.mark.parametrize("order", ORDERS)
def test_a_number_that_a_loader_asks_for_and_is_gone(tmp_path, order):
    report = datacheck.scan(write(tmp_path / "store", pictures(order, gone=[30]) | {b"num_samples": b"300"}))
    assert [(it.code, it.verdict) for it in report.findings] == [("dangling", "bad")]


@pytest.mark.parametrize("name", [b"meta", b"keys", b"Info", b"metadata", b"num_data"])
def test_names_of_as_many_bytes_are_no_numbers(tmp_path, name):
    for order in (it for it in ORDERS if struct.calcsize(it) == len(name)):
        store = pictures(order) | {name: b'{"by": "us"}', b"num_samples": b"300"}
        counts = datacheck.scan(write(tmp_path / f"{order[0] == '<'}{order[1]}", store)).counts
        assert counts.keys() <= {"wrong-format"}


def test_numbers_of_many_records_beyond_the_first_byte(tmp_path):
    store = {struct.pack("<I", number * 7 + 70_000): picture(number % 40) for number in range(300)}
    assert datacheck.scan(write(tmp_path / "store", store)).counts == {}
    del store[struct.pack("<I", 30 * 7 + 70_000)]
    receipt = datacheck.rebuild(write(tmp_path / "gone", store), tmp_path / "copy")
    assert receipt.unkept == []


@pytest.mark.parametrize("count", [None, b"60"])
def test_integers_of_two_databases_stay_together(tmp_path, count):
    path = tmp_path / "store"
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=3) as env, env.begin(write=True) as transaction:
        images = env.open_db(b"images", txn=transaction, integerkey=True)
        labels = env.open_db(b"labels", txn=transaction, integerkey=True)
        for number in range(60):
            value = picture(number)
            transaction.put(struct.pack("=Q", number), value[: len(value) // (1 + (number == 30))], db=images)
            transaction.put(struct.pack("=Q", number), b"%d" % (number % 7), db=labels)
        if count:
            transaction.put(b"num-samples", count)
    report = datacheck.scan(path)
    assert report.counts == {"truncated": 1}
    datacheck.rebuild(path, tmp_path / "copy", drop_bad=True)
    with lmdb.open(str(tmp_path / "copy"), readonly=True, lock=False, max_dbs=3) as env, env.begin() as transaction:
        of = {
            part: env.open_db(part, txn=transaction, create=False, integerkey=True) for part in (b"images", b"labels")
        }
        left = [{struct.unpack("=Q", key)[0]: bytes(it) for key, it in transaction.cursor(db)} for db in of.values()]
        said = transaction.get(b"num-samples")
    expected = [it for it in range(60) if it != 30]
    assert list(left[0].values()) == [picture(it) for it in expected]
    assert list(left[1].values()) == [b"%d" % (it % 7) for it in expected]
    assert list(left[0]) == list(left[1]) == ([*range(59)] if count else expected)
    assert said == (count and b"59")
