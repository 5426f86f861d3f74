"""Test Arrow files with columns encoded by dictionaries, whose rows may be far larger than the file."""

import io

import pytest

from datacheck.decoders.messages import arrow
from datacheck.decoders.messages.arrow import ArrowDecoder

pa = pytest.importorskip("pyarrow", reason="only pyarrow reads Arrow")


def encoded(values, rows):
    column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(values))
    file = io.BytesIO()
    table = pa.table({"c": column})
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


def test_rows_of_one_long_text_are_not_unpacked():
    reading = ArrowDecoder().read(encoded(["x" * 200_000], 200_000), None)
    assert [(it.name, it.format) for it in reading.fields] == [("c", "text")]
    assert not reading.findings


def test_a_lack_of_memory_is_no_fault_of_the_data(monkeypatch):
    def without_memory(column, depth):
        raise pa.ArrowMemoryError("malloc of size 40000000000 failed")

    monkeypatch.setattr(arrow, "_column", without_memory)
    with pytest.raises(MemoryError):
        ArrowDecoder().read(encoded([b"x"], 2), None)
