"""Pickled data frames that stand for far more than their bytes, as parts of a pickle may be shared."""

import pickle
import tracemalloc

import pandas
from pandas._libs.internals import BlockManager
from pandas.core.indexes.base import _new_Index

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees import data_frames
from datacheck.decoders.trees.data_frames import columns_of
from datacheck.decoders.trees.tree import Box

WIDE, DEEP, ROWS = 256, 5, 5_000


class Call:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def frame(*parts):
    return Call(object.__new__, (pandas.DataFrame,), {"_mgr": Call(BlockManager, parts), "_typ": "dataframe"})


def index(data):
    return Call(_new_Index, (pandas.Index, {"data": data, "name": None}))


def peak_of(value):
    node = PickleDecoder().parse(pickle.dumps(value)).tree
    tracemalloc.start()
    try:
        columns = columns_of(node.node if isinstance(node, Box) else node)
        return columns, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_index_of_shared_parts_takes_little_memory():
    part = [1.5]
    for _ in range(DEEP):
        part = [part] * WIDE
    blocks = tuple(pandas.DataFrame({"x": [1.0, 2.0]})._mgr.blocks)
    columns, peak = peak_of(frame(blocks, [index(part), pandas.RangeIndex(2)]))
    assert columns is None
    assert peak < 4 << 20


def test_columns_of_a_shared_array_are_bounded(monkeypatch):
    table = pandas.DataFrame({f"c{at}": pandas.Categorical(["u", "v"] * (ROWS // 2)) for at in range(40)})
    assert set(columns_of(PickleDecoder().parse(pickle.dumps(table)).tree).pairs[0][1].items) == {"u", "v"}
    monkeypatch.setattr(data_frames, "VALUES", 2 * ROWS)
    columns, peak = peak_of(table)
    assert columns is None
    assert peak < 40 * ROWS * 8 // 4


def test_categories_of_categories_are_not_followed():
    part = ["u"]
    for _ in range(40):
        part = Call(_new_Index, (pandas.Index, {"data": part, "name": None}))
    columns, _ = peak_of(frame(tuple(pandas.DataFrame({"x": [1.0]})._mgr.blocks), [part, pandas.RangeIndex(1)]))
    assert columns is None
