"""Rows of pytorch-fm are as long as the columns that the store tells of."""

import struct

import numpy as np
from convention_stores import write

import datacheck


def rows(count=60, columns=11):
    made = {struct.pack(">I", at): np.arange(at, at + 1 + columns, dtype=np.uint32).tobytes() for at in range(count)}
    return made | {b"field_dims": np.full(columns, 99, np.uint32).tobytes()}


def test_a_row_that_lacks_a_column(tmp_path):
    sound = rows()
    assert "size-mismatch" not in datacheck.scan(write(tmp_path / "sound", sound)).counts
    for at in (7, 0x33):  # the second one's key has a digit for its last byte
        sound[struct.pack(">I", at)] = sound[struct.pack(">I", at)][:-4]
    source = write(tmp_path / "store", sound)
    found = [(it.code, it.verdict) for it in datacheck.scan(source).findings if it.key]
    assert found == [("size-mismatch", "bad")] * 2
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert datacheck.scan(tmp_path / "copy").bad == 0


def test_rows_of_another_length_are_left_alone(tmp_path):
    records = rows() | {b"field_dims": np.full(10, 99, np.uint32).tobytes()}
    assert datacheck.scan(write(tmp_path / "store", records)).bad == 0
