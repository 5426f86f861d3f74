"""Test Arrow files (Feather 2): a stream between a mark and a footer, walked with or without pyarrow."""

import struct

import pytest
from message_building import ARROW_END, arrow_message

from datacheck.decoders import decoder, kind

STREAM = arrow_message(1, bytes(8)) + arrow_message(3, bytes(24)) * 2 + ARROW_END


def file_of(stream, footer=b"f" * 40):
    return b"ARROW1\0\0" + stream + footer + struct.pack("<i", len(footer)) + b"ARROW1"


def findings(value):
    return [(it.code, it.verdict) for it in decoder("arrow").read(value, None).findings]


@pytest.mark.usefixtures("no_pyarrow")
def test_without_pyarrow_a_file_is_named_with_the_package_that_reads_it():
    value = file_of(STREAM)
    assert kind(value) == "arrow"
    for it in (value, memoryview(value), file_of(STREAM[:-8])):  # older writers leave out the end of the stream
        assert findings(it) == [("unknown-payload", "unverifiable")]


@pytest.mark.usefixtures("no_pyarrow")
def test_a_file_cut_anywhere_is_truncated():
    value = file_of(STREAM)
    for at in range(9, len(value)):
        assert findings(value[:at]) in ([("truncated", "bad")], [("undecodable", "bad")]), at
    assert findings(value[: len(value) // 2]) == findings(value[:-1]) == [("truncated", "bad")]


@pytest.mark.usefixtures("no_pyarrow")
@pytest.mark.parametrize("size", [-1, 0, 1 << 20])
def test_a_footer_of_an_impossible_size_is_named(size):
    value = file_of(STREAM)
    assert findings(value[:-10] + struct.pack("<i", size) + value[-6:]) == [("undecodable", "bad")]


def test_pyarrow_reads_what_is_in_it():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: make test-payloads brings it")
    table = pa.table({"x": [[1.0, float("nan")], [2.0]], "label": [1, 2]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as out:
        out.write_table(table)
    reading = decoder("arrow").read(sink.getvalue().to_pybytes(), None)
    assert {it.name: it.values.tolist() for it in reading.fields if it.name == "label"} == {"label": [1, 2]}
    assert [it.name for it in reading.fields] == ["x", "label"]
