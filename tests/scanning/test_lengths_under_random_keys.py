"""Test values of two lengths under random keys: none of them is odd, unless nearly all have the other length."""

import hashlib

import lmdb
import numpy as np
import pytest

import datacheck

PAIRS = {"suffix": ("%s.img", "%s.lab"), "prefix": ("img/%s", "lab/%s")}


def _scan(path, names, labelled):
    random = np.random.default_rng(0)
    with lmdb.open(str(path), map_size=1 << 24, sync=False) as env, env.begin(write=True) as transaction:
        for number in range(200):
            digest = hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest()
            transaction.put((names[0] % digest).encode(), random.standard_normal(4).astype("f4").tobytes())
            if number < labelled:
                transaction.put((names[1] % digest).encode(), bytes([number % 10]))
    return datacheck.scan(path)


@pytest.mark.parametrize("names", PAIRS.values(), ids=PAIRS)
def test_labels_of_one_byte_beside_raw_values_are_not_odd(tmp_path, names):
    assert _scan(tmp_path / "env", names, 200).counts == {"unknown-payload": 2}  # of either part


def test_a_few_values_of_one_byte_among_raw_ones_are_odd(tmp_path):
    assert _scan(tmp_path / "env", ("%s", "%s.cut"), 3).counts == {"unknown-payload": 1, "size-mismatch": 3}
