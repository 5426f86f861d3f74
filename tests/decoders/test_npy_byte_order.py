"""Test that arrays in the other byte order are as sound as those in this machine's."""

import io

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan


def save(number, dtype):
    out = io.BytesIO()
    np.save(out, (np.random.default_rng(number).normal(size=(3, 4)) * 100).astype(dtype))
    return out.getvalue()


def findings(path):
    return [(it.key, it.code) for it in scan(path, workers=1).findings]


@pytest.mark.parametrize("dtype", [">f4", ">i2", ">c16", np.dtype([("x", ">f8"), ("y", "<u2")])])
def test_a_store_of_big_endian_arrays_is_clean(dtype, tmp_path):
    def values(number):
        if not isinstance(dtype, np.dtype):
            return save(number, dtype)
        made = np.zeros(5, dtype)
        made["x"], made["y"] = np.arange(5) + number, np.arange(5)
        out = io.BytesIO()
        np.save(out, made)
        return out.getvalue()

    write_lmdb(tmp_path / "env", {key(it): values(it) for it in range(40)})
    assert findings(tmp_path / "env") == []


def test_one_array_of_another_type_is_still_said_among_big_endian_ones(tmp_path):
    records = {key(it): save(it, ">f4") for it in range(40)}
    records[key(11)] = save(11, ">f8")
    write_lmdb(tmp_path / "env", records)
    assert findings(tmp_path / "env") == [("00000011", "fields")]
