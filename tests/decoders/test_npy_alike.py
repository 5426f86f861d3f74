"""Test bare .npy arrays against what nearly all of their family share: a shape, a dtype, or neither."""

import numpy as np
import pytest
from building import key, npy, write_lmdb

from datacheck import scan


def values(number, *shape):
    return np.random.default_rng(number).normal(size=shape).astype(np.float32)


def found_in(path, records):
    report = scan(write_lmdb(path, records), workers=1)
    return [(it.key, it.field, it.code) for it in report.findings]


def test_utterances_of_every_length_are_sound(tmp_path):
    assert found_in(tmp_path / "env", {key(it): npy(values(it, 5 + it % 9, 3)) for it in range(64)}) == []


def test_arrays_of_several_dtypes_are_sound(tmp_path):
    records = {key(it): npy(values(it, 5, 3).astype("f8" if it % 2 else "f4")) for it in range(64)}
    assert found_in(tmp_path / "env", records) == []


@pytest.mark.parametrize(
    ("odd", "code"),
    [(values(31, 4, 3), "shape"), (values(31, 5, 3).astype(np.float64), "fields"), (values(31, 5, 3), None)],
)
def test_one_that_is_not_as_the_others_is_named(odd, code, tmp_path):
    records = {key(it): npy(values(it, 5, 3)) for it in range(64)} | {key(31): npy(odd)}
    assert found_in(tmp_path / "env", records) == ([] if code is None else [("00000031", "data", code)])
