"""Test that data frames and series in pickles are read by column: labels are found, and findings name the column."""

import pickle

import numpy as np
import pandas
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees.data_frames import columns_of
from datacheck.decoders.trees.tree import Items, Keyed

COUNT, ROWS = 20, 6


def frame(number):
    draw = np.random.default_rng(number)
    return pandas.DataFrame({
        "x": draw.normal(size=ROWS),
        "z": draw.normal(size=ROWS).astype("f4"),
        "w": draw.normal(size=ROWS),
        "name": [f"row {at}" for at in range(ROWS)],
        "label": draw.integers(0, 5, ROWS),
    })  # fmt: skip


def set_at(name, value):
    def changed(table):
        column = table[name].to_numpy(copy=True).astype(float)
        column[3] = value
        return table.assign(**{name: column if value != value else column.astype(table[name].dtype)})

    return changed


PACKS = {
    "frame": (lambda table: pickle.dumps(table, protocol=5), ""),
    "in a mapping": (lambda table: pickle.dumps({"table": table, "id": 1}), "table/"),
    "categories": (lambda table: pickle.dumps(table.assign(label=table["label"].astype("category"))), ""),
    "nullable": (lambda table: pickle.dumps(table.assign(label=table["label"].astype("Int64"))), ""),
    "with an index": (lambda table: pickle.dumps(table.set_index("w")), ""),
}


@pytest.mark.parametrize("pack", PACKS)
def test_columns_are_judged_by_name(pack, tmp_path):
    packed, start = PACKS[pack]
    values = {key(at): packed(frame(at)) for at in range(COUNT)}
    assert scan(write_lmdb(tmp_path / "sound", values), workers=1, labels=5).status == 0
    faults = {7: set_at("x", np.nan), 8: set_at("label", 9), 9: set_at("label", np.nan)}
    values |= {key(at): packed(fault(frame(at))) for at, fault in faults.items()}
    findings = scan(write_lmdb(tmp_path / "env", values), workers=1, labels=5).findings
    assert [(it.key, it.field, it.code) for it in findings if it.code != "fields"] == [
        ("00000007", f"{start}x", "nan"),
        ("00000008", f"{start}label", "label"),
        ("00000009", f"{start}label", "label"),
    ]


def names(value):
    reading = PickleDecoder().read(pickle.dumps(value), None)
    return [it.name for it in reading.fields if it.values.size or it.format == "text"]


def test_series_are_read_by_name():
    table = frame(1)
    assert names(table["label"]) == ["label"]
    assert names(table[["x", "z"]].iloc[0]) == ["x", "z"]
    assert names(table.iloc[0]) == ["x", "z", "w", "name", "label"]
    assert names({"s": pandas.Series([1.5, 2])}) == ["s/values"]


def test_times_and_texts_are_columns():
    table = frame(1).assign(t=pandas.date_range("2020", periods=ROWS), kind=pandas.Categorical(list("abcabc")))
    reading = PickleDecoder().read(pickle.dumps(table), None)
    assert [it.name for it in reading.fields] == ["x", "z", "w", "name", "label", "t", "kind"]
    assert reading.findings == []


def test_columns_without_names_or_with_equal_ones_stay_where_they_are():
    unnamed = names(pandas.DataFrame(np.zeros((2, 3))))
    double = names(pandas.DataFrame(np.zeros((2, 2)), columns=["a", "a"]))
    assert (unnamed[0][:4], double[0][:4]) == ("_mgr", "_mgr")


def block(values, places):
    kind = "pandas._libs.internals._unpickle_block"
    return Keyed(kind=kind, items=[values, Keyed(kind="builtins.slice", items=places), 2])


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [block(np.zeros((2, 3)), [0, 10**12, 1])],
        [block(np.zeros((2, 3)), [0, 2, 0])],
        [block(np.zeros((3, 3)), [0, 2, 1])],
        [block(np.zeros((2, 3)), [0, 2, 1]), block(np.zeros((1, 3)), [1, 2, 1])],
        [block(np.zeros((1, 3)), [0, 1, 1])],
        [block(np.zeros((2, 3)), [-2, 0, 1])],
        [block(None, [0, 2, 1])],
        [Keyed(kind="pandas._libs.internals._unpickle_block")],
    ],
)
def test_frames_that_contradict_themselves_are_not_taken_apart(blocks):
    def axis(names):
        state = Keyed([("data", Items(names))])
        return Keyed(kind="pandas.core.indexes.base._new_Index", items=[None, state])

    manager = Keyed(kind="pandas.core.internals.managers.BlockManager")
    manager.items = [Items(blocks), Items([axis(["a", "b"]), axis(["1", "2", "3"])])]
    assert columns_of(Keyed([("_mgr", manager)], kind="pandas.DataFrame")) is None
