"""What a convention is told by first: a key or a file that all stores with it have. Without it nothing is loaded."""

import importlib
import random
import subprocess
import sys

import pytest
from covering import seeds

from datacheck.conventions import CONVENTIONS
from datacheck.conventions.interface import StoreView
from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.conventions.keys.numbered_keys import KeyTable, Pattern, patterns

MARKED = {name: row for name, row in CONVENTIONS.items() if row.marks or row.beside}


def view(records, files):
    return StoreView(patterns(records), records.get, files.get, records)


@pytest.mark.parametrize("name", MARKED)
def test_a_store_without_its_marks_keeps_no_such_convention(name):
    row = MARKED[name]
    records = {b"%08d" % it: b"\x80\x04K\x01." for it in range(40)} | {b"%d" % it: b"{}" for it in range(40)}
    others = {mark: b"80" for it in MARKED.values() for mark in it.marks if mark not in row.marks}
    assert importlib.import_module(row.module).recognise(view(records | others, {})) is None


def test_plain_records_load_no_module_of_a_convention_that_has_marks():
    code = (
        "import sys\n"
        "from datacheck.conventions import CONVENTIONS\n"
        "from datacheck.conventions.recognising import recognised\n"
        "from datacheck.conventions.interface import StoreView\n"
        "from datacheck.conventions.keys.numbered_keys import patterns\n"
        "keys = {b'%08d' % it for it in range(99)}\n"
        "recognised(StoreView(patterns(keys), lambda key: None, lambda name: None, keys))\n"
        "marked = [it.module for it in CONVENTIONS.values() if it.beside or len(it.marks) == 1]\n"
        "print([it for it in marked if it in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def plainly(keys, watch):
    numbers = sorted(it for key in keys if (it := watch.patterns[0].number(key)) is not None)
    return len(keys), sum(key in watch.own for key in keys), numbers


@pytest.mark.parametrize("seed", seeds(8))
def test_keys_of_several_lengths_are_noted_as_one_by_one(seed):
    chance = random.Random(seed)
    names = [b"length", b"", b"x", b"12a", b"007", b"a" * 300, b"keys"]
    keys = [b"%d" % chance.randrange(10 ** chance.randrange(1, 12)) for _ in range(chance.randrange(1, 300))]
    keys = sorted({*keys, *chance.sample(names, chance.randrange(len(names)))})
    watch = KeyWatch((Pattern(b""),), frozenset({b"length", b"keys"}))
    account = Account()
    account.take(keys, watch)
    assert (account.records, account.own, list(account.numbers[watch.patterns[0]])) == plainly(keys, watch)
    assert watch.own_rows(keys) == [row for row, key in enumerate(keys) if key in watch.own]
    table = KeyTable(keys).by_length
    assert sorted((row, bytes(of)) for rows, some in table.values() for row, of in zip(rows, some, strict=True)) == [
        *enumerate(keys)
    ]
