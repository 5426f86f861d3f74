"""Numbers of records in lists of sets (`train_idx`, `split.json`) lead to records, and are true in a copy."""

import json
import pickle

import numpy as np
import pytest
from building import npy
from convention_stores import picture, read, write

import datacheck

TRAIN, VAL = list(range(45)), list(range(45, 60))


def dumps(value):
    return json.dumps(value).encode()


def records(cut=None, gone=(), first=0, count=60, form=b"%05d"):
    numbers = [it for it in range(first, first + count) if it not in gone]
    return {form % it: picture(it)[: 200 if it == cut else None] for it in numbers}


def dangling(path, store):
    findings = datacheck.scan(write(path, store)).findings
    return [(it.verdict, it.details["key"], it.details["first"]) for it in findings if it.code == "dangling"]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({b"val_idx": dumps([*VAL, 60, 75])}, [("bad", "val_idx", ["00060", "00075"])]),
        ({b"split.json": dumps({"train": TRAIN, "val": [*VAL, 60]})}, [("bad", "split.json", ["00060"])]),
        ({b"folds": pickle.dumps([TRAIN, [*VAL, 61]])}, [("bad", "folds", ["00061"])]),
        ({b"train_idx": npy(np.array([*TRAIN, 99]))}, [("bad", "train_idx", ["00099"])]),
        ({b"val_idx": dumps([*VAL, 1 << 70])}, [("bad", "val_idx", ["1180591620717411303424"])]),
        ({b"order": dumps([*TRAIN, *VAL, 60])}, [("suspicious", "order", ["00060"])]),
    ],
    ids=["a list", "sets", "folds", "an array", "a huge one", "an order"],
)
def test_a_number_beyond_the_records_is_named(tmp_path, lists, expected):
    assert dangling(tmp_path / "store", records() | lists) == expected


def test_a_number_of_a_lost_record_is_named(tmp_path):
    store = records(gone={7}) | {b"train_idx": dumps(TRAIN), b"val_idx": dumps(VAL)}
    assert dangling(tmp_path / "store", store) == []  # as positions they all lead to records
    store = records(gone={7}) | {b"train_idx": dumps([*TRAIN, *VAL])}
    assert dangling(tmp_path / "all", store) == [("bad", "train_idx", ["00007"])]


@pytest.mark.parametrize(
    ("first", "gone", "lists"),
    [
        (0, (), {b"train_idx": dumps(TRAIN), b"val_idx": dumps(VAL)}),
        (0, {7, 30}, {b"train_idx": dumps(TRAIN), b"val_idx": dumps(list(range(45, 58)))}),
        (1, (), {b"train_idx": dumps(TRAIN), b"val_idx": dumps(VAL)}),
        (1, (), {b"train_idx": dumps([it + 1 for it in TRAIN]), b"val_idx": dumps([it + 1 for it in VAL])}),
        (0, (), {b"train_idx": dumps(list(range(0, 60_000, 1000)))}),
        (0, (), {b"class_ids": dumps(list(range(62)))}),
    ],
    ids=["numbers", "positions", "positions from 0", "numbers from 1", "rows of a table", "classes"],
)
def test_numbers_that_lead_to_records_or_are_of_something_else(tmp_path, first, gone, lists):
    found = dangling(tmp_path / "store", records(first=first, gone=gone) | lists)
    assert [it for it in found if it[0] == "bad"] == []


def test_numbers_are_true_in_a_copy(tmp_path):
    lists = {b"split.json": dumps({"train": TRAIN, "val": VAL}), b"length": b"60"}
    source = write(tmp_path / "store", records(cut=3) | lists)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert not [it for it in receipt.unkept if "split.json" in it]
    copy = read(tmp_path / "copy")
    sets = json.loads(copy[b"split.json"])
    train, val = ([copy[b"%05d" % it] for it in sets[name]] for name in ("train", "val"))
    assert train == [picture(it) for it in TRAIN if it != 3]
    assert val == [picture(it) for it in VAL]


def test_numbers_that_lead_nowhere_are_lost_in_a_copy_too(tmp_path):
    source = write(tmp_path / "store", records() | {b"val_idx": dumps([*VAL, 61])})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert [it.code for it in receipt.lost] == ["dangling"]
    source = write(tmp_path / "cut", records(cut=3) | {b"val_idx": dumps([*VAL, 61]), b"length": b"60"})
    receipt = datacheck.rebuild(source, tmp_path / "renumbered", drop_bad=True)
    assert receipt.lost == []
    assert json.loads(read(tmp_path / "renumbered")[b"val_idx"]) == [it - 1 for it in VAL]


def test_numbers_that_may_be_positions_are_left_and_named(tmp_path):
    raw = dumps(list(range(58)))
    source = write(tmp_path / "store", records(cut=3, gone={7, 30}) | {b"train_idx": raw})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"train_idx"] == raw
    assert [it for it in receipt.unkept if "train_idx lists numbers of records as before" in it]
