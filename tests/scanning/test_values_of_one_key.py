"""Test databases in which a key has several values (DUPSORT), beside the records that these name."""

import lmdb
from convention_stores import picture

import datacheck


def indexed(path, classes=5, count=80, cut=None):
    """Write pictures into the main database, and an index of their keys by class into another one."""
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=2, sync=False) as env, env.begin(write=True) as transaction:
        index = env.open_db(b"by_class", txn=transaction, dupsort=True)
        for number in range(count):
            value = picture(number)
            transaction.put(b"clip%d/%04d" % divmod(number, 8), value[: len(value) // (1 + (number == cut))])
            transaction.put(b"c%d" % (number % classes), b"clip%d/%04d" % divmod(number, 8), db=index)
    return path


def test_a_key_with_many_values_is_sampled_once(tmp_path):
    families = datacheck.scan(indexed(tmp_path / "store")).profile.families
    sampled = {name: it.sampled for name, it in families.items() if ":" in name}
    assert sampled == {f"by_class:c{at}": 16 for at in range(5)}


def test_what_an_index_lists_is_no_broken_picture(tmp_path):
    for classes in (2, 5, 16):
        assert datacheck.scan(indexed(tmp_path / f"{classes}", classes)).counts == {}
    report = datacheck.scan(indexed(tmp_path / "cut", cut=28))
    assert [(it.code, it.key, it.database) for it in report.findings] == [("truncated", "clip3/0004", None)]


def test_few_texts_in_a_database_of_their_own_are_no_broken_pictures(tmp_path):
    names = [f"n{chr(97 + at)}" for at in range(10)]
    with lmdb.open(str(tmp_path / "store"), map_size=1 << 28, max_dbs=2) as env, env.begin(write=True) as transaction:
        for part, value in ((b"images", picture), (b"texts", lambda number: b"word %d" % number)):
            database = env.open_db(part, txn=transaction)
            for number, name in enumerate(names[: len(part) + 3]):
                transaction.put(name.encode(), value(number), db=database)
    assert datacheck.scan(tmp_path / "store").counts == {}
