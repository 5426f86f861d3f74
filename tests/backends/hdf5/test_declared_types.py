"""Declared missing values of another type than the values: which of them a stored value can be."""

import h5py
import numpy as np
import pytest

import datacheck


def scan(path, values, **attributes):
    with h5py.File(path, "w") as file:
        file["tas"] = values
        file["tas"].attrs.update(attributes)
    return datacheck.scan(path, workers=1)


def spoiled(value, dtype):
    values = np.random.default_rng(3).normal(size=(40, 6)).astype(dtype)
    values[7, 2] = value
    return values


@pytest.mark.parametrize(
    ("dtype", "declared"),
    [("f4", np.float64(1e300)), ("f4", np.float64(-1.7e308)), ("f2", np.float32(1e20)), ("f2", np.int64(2**40))],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_infinity_is_not_missing_where_the_declared_number_is_too_large_for_the_type(tmp_path, dtype, declared, sign):
    report = scan(tmp_path / "a.nc", spoiled(sign * np.inf, dtype), _FillValue=declared)
    assert [(it.key, it.code) for it in report.findings] == [("/[7]", "inf")]
    assert report.statistics["tas"].missing == 0


def test_zeros_are_not_missing_where_the_declared_number_is_too_small_for_the_type(tmp_path):
    report = scan(tmp_path / "a.nc", spoiled(0, "f4"), missing_value=np.float64(1e-300))
    assert report.status == 0
    assert report.statistics["tas"].missing == 0


@pytest.mark.parametrize(
    ("dtype", "declared", "value"),
    [
        ("f4", np.float64(3.4028235e38), np.finfo("f4").max),
        ("f4", np.float64(np.inf), np.inf),
        ("f4", np.float64(-np.inf), -np.inf),
        ("f4", np.float64(-99.9), np.float32(-99.9)),
        ("f4", np.int32(-9999), -9999),
        ("f2", np.float64(np.nan), np.nan),
    ],
)
def test_a_number_of_another_type_is_missing_where_a_value_can_be_it(tmp_path, dtype, declared, value):
    report = scan(tmp_path / "a.nc", spoiled(value, dtype), _FillValue=declared)
    assert list(report.findings) == []
    assert report.statistics["tas"].missing == 1
