"""Test pandas data frames in pickles: their text dtype has a NaN among its arguments, and their texts are pyarrow's."""

import pickle
import sys
import types

import numpy as np
import pandas
import pytest
from building import write_lmdb

import datacheck
from datacheck.decoders.pickles.decoder import PickleDecoder

COUNT = 40


def frame(number, spoiled=False):
    values = np.random.default_rng(number).standard_normal(12).astype("f4")
    if spoiled:
        values[3] = np.nan
    names = [f"s{at}" for at in range(12)]
    return pandas.DataFrame({"t": np.arange(12), "v": values, "name": pandas.array(names, dtype="str")})


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_sound_ones_are_clean_and_a_missing_number_is_found(tmp_path, protocol):
    records = {b"%04d" % at: pickle.dumps(frame(at), protocol) for at in range(COUNT)}
    report = datacheck.scan(write_lmdb(tmp_path / "sound", records))
    assert (report.clean, list(report.findings)) == (True, [])
    records[b"0007"] = pickle.dumps(frame(7, spoiled=True), protocol)
    report = datacheck.scan(write_lmdb(tmp_path / "bad", records))
    assert [(it.key, it.code, it.details["count"]) for it in report.findings] == [("0007", "nan", 1)]


@pytest.fixture
def pyarrow(monkeypatch):
    """Return a class whose objects are pickled like pyarrow's arrays; pyarrow need not be installed."""
    lib = types.ModuleType("pyarrow.lib")

    def known(name):
        def function(*given):
            raise NotImplementedError

        function.__module__, function.__name__, function.__qualname__ = "pyarrow.lib", name, name
        setattr(lib, name, function)
        return function

    restore, alias, buffer = known("_restore_array"), known("type_for_alias"), known("py_buffer")
    monkeypatch.setitem(sys.modules, "pyarrow", types.ModuleType("pyarrow"))
    monkeypatch.setitem(sys.modules, "pyarrow.lib", lib)

    class Called:
        def __init__(self, function, *given):
            self.reduced = (function, given)

        def __reduce__(self):
            return self.reduced

    def parts(kind, length, buffers, offset=0, nulls=0, children=()):
        of = kind if isinstance(kind, Called) else Called(alias, kind)
        held = [None if it is None else Called(buffer, it) for it in buffers]
        return (of, length, nulls, offset, held, list(children), None)

    def array(*given, **named):
        return Called(restore, parts(*given, **named))

    array.parts, array.other = parts, Called(known("list_"), Called(alias, "double"))
    return array


def read(it):
    reading = PickleDecoder().read(pickle.dumps({"x": it}), None)
    return {field.name: field.values for field in reading.fields}, [(it.code, it.field) for it in reading.findings]


def test_numbers_of_pyarrow_are_numbers(pyarrow):
    raw = np.array([9, 1, 2, np.nan, 4], "f4")
    fields, findings = read(pyarrow("float", 4, [None, raw.tobytes()], offset=1))
    np.testing.assert_array_equal(fields["x"], raw[1:])
    assert (fields["x"].dtype, findings) == (np.float32, [])


def test_those_that_are_null_do_not_count(pyarrow):
    raw = np.array([9, 1, np.nan, 3], "f8")
    there = np.packbits([0, 1, 0, 1], bitorder="little").tobytes()
    fields, findings = read(pyarrow("double", 3, [there, raw.tobytes()], offset=1, nulls=1))
    np.testing.assert_array_equal(fields["x"], [1, 1, 3])
    assert findings == []


def test_of_lists_the_numbers_are_read(pyarrow):
    inner = pyarrow.parts("double", 3, [None, np.array([1, np.inf, 2.0]).tobytes()])
    fields, findings = read(pyarrow(pyarrow.other, 2, [None, bytes(12)], children=[inner]))
    np.testing.assert_array_equal(fields["x[0]"], [1, np.inf, 2])
    assert findings == []


def test_texts_are_nothing_to_judge(pyarrow):
    offsets = np.arange(0, 330, 10, dtype="i8").tobytes()
    fields, findings = read(pyarrow("large_string", 32, [None, offsets, b"a number x" * 32]))
    assert (list(fields), fields["x"].size, findings) == (["x"], 0, [])


@pytest.mark.parametrize("length", [5, -1])
def test_fewer_values_than_it_says_are_a_fault(pyarrow, length):
    _, findings = read(pyarrow("double", length, [None, bytes(32)]))
    assert findings == [("size-mismatch", "x")]


def arrow(parts):
    return b"cpyarrow.lib\n_restore_array\n(" + parts + b"tR"


@pytest.mark.parametrize("depth", [1, 3, 7, 12])
def test_children_that_are_the_same_many_times_over_take_no_time(depth):
    raw = b"\x80\x04(K\x00K\x00K\x00K\x00]]tq\x010"
    for number in range(1, depth + 1):
        children = 60 * (b"h" + bytes([number]))
        raw += b"(K\x00K\x00K\x00K\x00]](" + children + b"etq" + bytes([number + 1]) + b"0"
    parsed = PickleDecoder().parse(raw + arrow(b"h" + bytes([depth + 1])) + b".")
    assert parsed.findings == []


def test_copies_of_values_are_work_that_is_bounded():
    rows = 1 << 16
    values, bits = np.zeros(rows).tobytes(), b"\xfe" * (rows // 8)
    double = b"cpyarrow.lib\ntype_for_alias\n(X\x06\x00\x00\x00doubletR"
    buffers = b"](B" + len(bits).to_bytes(4, "little") + bits + b"B" + len(values).to_bytes(4, "little") + values + b"e"
    parts = b"(" + double + b"J" + rows.to_bytes(4, "little") + b"K\x01K\x00" + buffers + b"]tq\x010"
    once, often = (b"\x80\x04]" + parts + count * (arrow(b"h\x01") + b"a") + b"." for count in (1, 2000))
    assert PickleDecoder().parse(once).findings == []
    assert [it.verdict for it in PickleDecoder().parse(often).findings] == ["unverifiable"]
