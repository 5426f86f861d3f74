"""Test values of several Arrow streams or tensors behind each other."""

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.messages import arrow

pa = pytest.importorskip("pyarrow")
COUNT = 24


def stream(compression=None, **columns):
    sink, table = pa.BufferOutputStream(), pa.table(columns)
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def tensors(*arrays):
    sink = pa.BufferOutputStream()
    for it in arrays:
        pa.ipc.write_tensor(pa.Tensor.from_numpy(it), sink)
    return sink.getvalue().to_pybytes()


def findings(folder, values):
    report = scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


def two_streams(number, value=0.5):
    return stream(label=[number % 10]) + stream(x=[0.5, value, number])


def two_tensors(number, value=0.5):
    return tensors(np.array([number, 1]), np.array([0.5, value, number]))


@pytest.mark.parametrize(("made", "at"), [(two_streams, "[1]/x"), (two_tensors, "[1]")], ids=["streams", "tensors"])
def test_each_stream_is_judged(made, at, tmp_path):
    values = [made(it) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[3], values[5] = made(3, np.nan), made(5)[:-20]
    assert findings(tmp_path / "bad", values) == [
        ("00000003", at, "nan", "bad"),
        ("00000005", "[1]", "truncated", "bad"),
    ]


def test_a_second_stream_where_others_hold_one_is_only_said_to_be_there(tmp_path):
    values = [stream(x=[0.5, it]) for it in range(COUNT)]
    values[4] += stream(x=[np.nan])
    assert findings(tmp_path / "env", values) == [("00000004", None, "trailing-data", "suspicious")]


def test_a_table_without_rows_may_be_one_of_several(tmp_path):
    def pair(number, value=0.5, rows=2):
        return stream(x=[0.5, value, number]) + stream(boxes=pa.array([1.5] * rows, pa.float64()))

    values = [pair(at, rows=0 if at % 5 == 0 else 2) for at in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[7], values[10] = pair(7, np.nan), pair(10, np.nan, rows=0)
    assert findings(tmp_path / "bad", values) == [(f"{at:08}", "[0]/x", "nan", "bad") for at in (7, 10)]


def test_what_all_streams_unpack_to_is_bounded(monkeypatch):
    monkeypatch.setattr(arrow, "LIMIT", 100_000)
    value = stream("zstd", x=np.zeros(5000)) * 4
    series = arrow.ArrowDecoder().parse_series(value)
    assert [(it.field, it.code, it.verdict) for it in series.findings] == [("[2]", "too-large", "unverifiable")]
    assert len(series.tree.items) == 2
