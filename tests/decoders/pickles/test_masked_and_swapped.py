"""Test masked arrays with NaN that is not masked, and big-endian complex arrays."""

import io
import pickle

import numpy as np
from building import write_lmdb

import datacheck
from datacheck.checks.validators import Finite
from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.model.blocks import Block


def test_masked_values_are_not_counted_as_nan():
    values = np.ma.masked_array([0.0, np.nan, 2.0, np.nan], [1, 0, 0, 1])
    [batch] = PickleDecoder().decode(Block([b""], [pickle.dumps({"x": values})]), [0], None)
    [(_, finding)] = Finite()(batch)
    assert finding.message == "1 of 4 values is NaN, first at [1]"


def test_complex_arrays_of_the_other_byte_order_are_all_of_one_dtype(tmp_path):
    def saved(at):
        out = io.BytesIO()
        np.savez(out, x=np.array([at + 1j, 2.0], ">c16"))
        return out.getvalue()

    report = datacheck.scan(write_lmdb(tmp_path / "db", {b"%03d" % at: saved(at) for at in range(20)}), workers=1)
    assert [it.code for it in report.findings] == []
