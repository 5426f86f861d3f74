"""Test that each check says what is wrong with which record, in words and numbers, and reports no other record."""

import numpy as np
import pytest

from datacheck.checks.validators import VALIDATORS, Constant, Finite, Format, HalfOverflow, Label, Range, Shape
from datacheck.model.batch import Batch
from datacheck.model.profile import FieldProfile
from datacheck.model.settings import CHECKS

NAN, INF = float("nan"), float("inf")


def findings(validator, values, **batch):
    values = np.asarray(values)
    return [
        (at, it.code, it.verdict, it.message)
        for at, it in validator(Batch("data", range(len(values)), values, **batch))
    ]


def with_values(*pairs, shape=(2, 2, 3)):
    record = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    for place, value in pairs:
        record[place] = value
    return np.stack([np.zeros(shape, np.float32) + np.arange(3, dtype=np.float32), record])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (with_values(), []),
        (
            with_values(((0, 1, 2), NAN), ((1, 0, 0), NAN)),
            [(1, "nan", "bad", "2 of 12 values are NaN, first at [0, 1, 2]")],
        ),
        (with_values(((1, 1, 1), -INF)), [(1, "inf", "bad", "1 of 12 values is infinite, first at [1, 1, 1]")]),
        (
            with_values(((0, 0, 0), INF), ((0, 0, 1), NAN)),
            [
                (1, "nan", "bad", "1 of 12 values is NaN, first at [0, 0, 1]"),
                (1, "inf", "bad", "1 of 12 values is infinite, first at [0, 0, 0]"),
            ],
        ),
        (np.array([1.0, NAN]), [(1, "nan", "bad", "the value is NaN")]),
        (np.zeros((2, 3), np.uint8), []),
        (np.zeros((2, 0), np.float32), []),
    ],
)
def test_finite(values, expected):
    assert findings(Finite(), values) == expected


def test_finite_lets_nan_mean_missing_where_that_was_said():
    values = with_values(((0, 0, 0), NAN), ((0, 0, 1), INF))
    assert [code for _, code, _, _ in findings(Finite(("data",)), values)] == ["inf"]


def test_finite_leaves_labels_to_label():
    assert findings(Finite(), np.array([NAN]), label=True) == []


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (Range(0, 11), []),
        (
            Range(0, 9),
            [
                (
                    1,
                    "out-of-range",
                    "bad",
                    "2 of 12 values outside 0 to 9, minimum 0, maximum 11, first at [1, 1, 1]",
                )
            ],
        ),
        (Range(None, 100), []),
        (Range(0, 9, "other"), []),
    ],
)
def test_range(check, expected):
    assert findings(check, with_values()) == expected


def test_range_looks_past_values_that_are_not_finite():
    values = with_values(((0, 0, 0), NAN), ((0, 0, 1), INF), ((1, 1, 2), 300))
    ((at, _, _, message),) = findings(Range(0, 255), values)
    assert at == 1
    assert message.startswith("1 of 12 values outside 0 to 255, minimum 2, maximum 300, first at [1, 1, 2]")


def test_shape():
    values = np.zeros((2, 3, 4, 5), np.uint8)
    assert findings(Shape((3, 4, 5)), values) == []
    assert findings(Shape((3, 4, 6)), values)[1] == (1, "shape", "bad", "shape [3, 4, 5], expected [3, 4, 6]")


def test_shape_is_that_of_the_profile_but_for_pictures():
    values = np.zeros((1, 3, 4, 5), np.uint8)
    profile = FieldProfile((3, 4, 4), "uint8", "", 1.0)
    assert [it[1] for it in findings(Shape(), values, expected=profile)] == ["shape"]
    assert findings(Shape(), values, expected=profile, encoded=True) == []


@pytest.mark.parametrize(
    ("check", "values", "expected"),
    [
        (Label(), [3, 4], []),
        (Label(), [1.5, NAN], [(1, "label", "bad", "label nan, expected a finite number")]),
        (Label(0, 9), [9, 10], [(1, "label", "bad", "label 10, expected an integer, 0 to 9")]),
        (Label(0, 9), [0.5, 1.0], [(0, "label", "bad", "label 0.5, expected an integer, 0 to 9")]),
        (Label(None, 9), [-5, 3], []),
    ],
)
def test_label(check, values, expected):
    assert findings(check, np.array(values), label=True) == expected


def test_a_negative_datum_label_is_suspicious_until_bounds_are_given():
    values = np.array([3, -1])
    assert findings(Label(), values, label=True, format="Datum") == [(1, "label", "suspicious", "label -1 is negative")]
    assert findings(Label(), values, label=True) == []
    assert [it[2] for it in findings(Label(0, 9), values, label=True, format="Datum")] == ["bad"]


def test_format():
    values = np.zeros((1, 3, 4, 4), np.uint8)
    expected = FieldProfile(None, "uint8", "JPEG", 1.0)
    assert findings(Format(), values, format="PNG", expected=expected) == [
        (0, "wrong-format", "suspicious", "PNG, most others are JPEG")
    ]
    assert findings(Format(), values, format="JPEG", expected=expected) == []


def test_constant():
    values = np.stack([np.full((1, 4, 4), 7, np.uint8), np.arange(16, dtype=np.uint8).reshape(1, 4, 4)])
    assert findings(Constant(), values) == [(0, "constant", "suspicious", "all 16 values are 7")]
    assert findings(Constant(), np.array([5.0, 5.0])) == []
    assert findings(Constant(), np.array([[INF, INF]])) == []


def test_half_overflow():
    values = with_values(((0, 0, 0), 70000), ((0, 0, 1), -80000))
    assert findings(HalfOverflow(), values) == [
        (1, "half-overflow", "suspicious", "2 of 12 values beyond float16, largest 80000, first at [0, 0, 0]")
    ]
    assert findings(HalfOverflow(), with_values(((0, 0, 0), 65504))) == []
    assert findings(HalfOverflow(), with_values(((0, 0, 0), INF))) == []
    assert findings(HalfOverflow(), np.array([[70000]])) == []


def test_every_check_is_in_the_table_and_says_what_it_is():
    assert tuple(VALIDATORS) == CHECKS
    assert all(it.__doc__.splitlines()[0].endswith((".", ";")) for it in VALIDATORS.values())
