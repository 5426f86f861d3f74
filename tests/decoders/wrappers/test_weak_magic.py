"""Test bytes in records that begin like LZMA data by chance, such as token numbers."""

import lzma
import pickle

import msgpack
import numpy as np
from building import key, write_lmdb

from datacheck import scan


def tokens(number):
    first = [93, 1 << number % 8, 17 + number] if number % 5 == 0 else [5, 7, 11]
    return np.array([*first, 0, 1, 2], "<i4").tobytes()


def test_numbers_that_begin_like_lzma_are_clean(tmp_path):
    values = {key(it): msgpack.packb({"ids": tokens(it), "text": f"line {it}"}) for it in range(40)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert (report.status, list(report.findings)) == (0, [])


def test_a_cut_lzma_stream_among_others_is_bad(tmp_path):
    packed = [lzma.compress(pickle.dumps({"x": np.full(9, it)}), format=lzma.FORMAT_ALONE) for it in range(40)]
    packed[7] = packed[7][:-20]
    values = {key(it): msgpack.packb({"z": packed[it], "y": it % 3}) for it in range(40)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert {(it.key, it.verdict) for it in report.findings} == {("00000007", "bad")}
