"""Test the fields of records that are trees, and records that differ from the others."""

import io

import numpy as np
import pytest
from building import floats, pictures
from tree_building import tree

from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.tree import Parsed
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.scanning.profile.profiling import Sums

JPEG = pictures()[0]


class Held(TreeDecoder):
    """A decoder that takes records from a list, by the number in the value."""

    name = "held"

    def __init__(self, records):
        self.records = records

    def parse(self, value):
        return Parsed(tree(self.records[int(value)]))


def decoded(records, profile=None):
    values = [b"%d" % at for at in range(len(records))]
    return [*Held(records).decode(Block([b""] * len(values), values), range(len(values)), profile)]


def profile_of(records):
    sums = Sums()
    sums.take([it for it in decoded(records) if isinstance(it, Batch)], len(records))
    return sums.profile("held", len(records))


def said(odd, *others, count=40):
    """Return code, verdict and field of the findings of an odd record among others, and the labels that it lacks."""
    records = [*(others[0](at) for at in range(count)), odd]
    items = decoded(records, profile_of(records))
    assert {it[0] for it in items if not isinstance(it, Batch)} <= {count}, "a false alarm"
    findings = [(it.code, it.verdict, it.field) for row, it in (it for it in items if not isinstance(it, Batch))]
    absent = [("label", "bad", it.field) for it in items if isinstance(it, Batch) and it.label and len(it.absent)]
    return findings + absent


def row(at):
    return {"x": floats(at, (3, 4)), "obs": {"a": [1.0, at], "b": floats(at, 2)}, "y": at % 3, "name": f"s{at}"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"extra": 1}, []),
        ({"x": None}, [("fields", "suspicious", "x")]),
        ({"y": None}, [("label", "bad", "y")]),
        ({"obs": None}, [("fields", "suspicious", "obs")]),
        ({"obs": {"a": [2.0, 3]}}, [("fields", "suspicious", "obs/b")]),
        ({"x": floats(1, (3, 4)).astype("f8")}, [("fields", "suspicious", "x")]),
        ({"x": "text"}, [("fields", "suspicious", "x")]),
        ({"x": 1.0}, [("fields", "suspicious", "x")]),
        ({"y": 1.0}, []),
        ({"y": {"a": 1}}, [("fields", "suspicious", "y")]),
        ({"x": {"a": floats(1, (3, 4))}}, [("fields", "suspicious", "x")]),
        ({"x": [*floats(1, (3, 4))]}, []),
        ({"obs": {"a": ["1.0", 2], "b": floats(0, 2)}}, [("fields", "suspicious", "obs/a")]),
        ({"y": np.int64(1)}, []),
        ({"name": 7}, [("fields", "suspicious", "name")]),
        ({"name": b"s7"}, []),
        ({"obs": {"a": [2, 3], "b": floats(0, 2)}}, []),
    ],
)
def test_what_differs_from_the_others_is_said_by_path(change, expected):
    assert said({**row(50), **change}, row) == expected


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        (None, [("undecodable", "bad", "data")]),
        ({}, [("fields", "suspicious", "data")]),
        ([], [*(("fields", "suspicious", path) for path in ("name", "obs", "x")), ("label", "bad", "y")]),
    ],
)
def test_a_record_that_is_something_else(odd, expected):
    assert said(odd, row) == expected


def test_keys_that_a_part_of_the_records_have_are_optional():
    def some(at):
        return {**row(at), **({"mask": floats(at, 2)} if at % 2 else {}), "id": at if at % 3 else f"a{at}"}

    assert said(some(1), some) == []
    assert said({**some(1), "mask": [0.5]}, some) == []
    assert said({**some(1), "mask": "?"}, some) == [("fields", "suspicious", "mask")]


def test_arrays_of_many_sizes_have_no_shape_and_those_of_one_have():
    def atoms(at):
        return {"pos": floats(at, (1 + at % 7, 3)), "cell": floats(at, (3, 3)), "z": [6] * (1 + at % 7)}

    fields = profile_of([*map(atoms, range(40))]).fields
    assert {name: it.shape for name, it in fields.items()} == {"cell": (3, 3), "pos": None, "z": None}
    batches = decoded([atoms(3), {**atoms(3), "cell": floats(0, (3, 2))}], profile_of([*map(atoms, range(40))]))
    assert {(it.field, it.shape, it.expected.shape) for it in batches} == {
        ("pos", (4, 3), None),
        ("z", (4,), None),
        ("cell", (3, 3), (3, 3)),
        ("cell", (3, 2), (3, 3)),
    }


def test_an_empty_list_of_texts_or_numbers_is_one_of_them():
    def words(at):
        return {"words": ["a"] * (1 + at % 3), "numbers": [1.5] * (1 + at % 3), "y": 1}

    assert said({"words": [], "numbers": [], "y": 1}, words) == []
    assert said({"words": ["a"], "numbers": [1.0], "y": []}, words) == [("fields", "suspicious", "y")]


def test_lists_that_are_ragged_in_some_records_are_one_field():
    def ragged(at):
        return {"p": [[1.0] * (2 + at % 2 * row) for row in range(3)], "y": 1}

    assert said(ragged(0), ragged) == []
    assert said({"p": [[1.0]] * 100, "y": 1}, ragged) == []


def pair(at):
    return [JPEG], np.array([at % 5])


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        (([JPEG], np.array([2])), []),
        (([JPEG[:-200]], np.array([2])), [("truncated", "bad", "[0][0]")]),
        (([b""], np.array([2])), [("empty", "bad", "[0][0]")]),
        (([b"no picture"], np.array([2])), [("undecodable", "bad", "[0][0]")]),
        (([], np.array([2])), [("fields", "suspicious", "[0][0]")]),
        (([JPEG], np.array([np.nan])), [("fields", "suspicious", "[1]")]),
        (([JPEG],), [("fields", "suspicious", "[1]")]),
        (None, [("undecodable", "bad", "data")]),
    ],
)
def test_pictures_in_pairs(odd, expected):
    assert said(odd, pair) == expected


def test_the_integer_of_a_pair_is_a_label_and_so_are_fields_of_that_name():
    labels = {it.field for it in decoded([pair(1), (floats(0), 3)]) if it.label}
    assert labels == {"[1]"}
    assert not [it for it in decoded([(3, 4), ("a", 4), (floats(0), floats(1))]) if it.label]
    assert {it.field for it in decoded([{"a": {"cls": 1}, "targets": [1, 2], "xy": 3}]) if it.label} == {
        "a/cls",
        "targets",
    }


def test_npy_bytes_and_raw_bytes():
    file = io.BytesIO()
    np.save(file, floats(0, (2, 3)))
    items = decoded([{"npy": file.getvalue(), "cut": file.getvalue()[:-1], "raw": b"\1\2" * 100, "id": b"\xff" * 16}])
    findings = {it.field: it.code for _, it in (it for it in items if not isinstance(it, Batch))}
    assert findings == {"cut": "truncated", "raw": "unknown-payload"}
    assert {it.field: it.shape for it in items if isinstance(it, Batch)} == {
        "npy": (2, 3),
        "raw": (0,),
        "id": (0,),
    }
