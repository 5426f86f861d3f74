"""Test walking a tree into leaves by path, each shared part once, within bounds."""

import numpy as np
import pytest
from tree_building import tree

from datacheck.decoders.trees.leaves import DEPTH, LEAVES, leaves
from datacheck.decoders.trees.tree import Box, Items, Keyed, Opaque, Run, Widened


def paths(thing):
    return {leaf.path: leaf.kind for leaf in leaves(tree(thing)).leaves}


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (np.zeros(3), {"data": "array"}),
        (1.5, {"data": "number"}),
        ({"obs": {"rgb": np.zeros(3)}, "y": 1}, {"obs/rgb": "array", "y": "number"}),
        ((np.zeros(3), 4), {"[0]": "array", "[1]": "number"}),
        ({"boxes": [{"a": 1}, {"a": 2}]}, {"boxes[0]/a": "number", "boxes[1]/a": "number"}),
        ({"a/b": 1, "c[0]": 2, "": 3, 'd"': 4}, dict.fromkeys(['"a/b"', '"c[0]"', '""', '"d\\""'], "number")),
        ({b"k\0": 1, 3: 2, ("u", "v"): 3, None: 4}, dict.fromkeys([r"k\x00", "3", "(u, v)", "None"], "number")),
        ({"s": "text", "b": b"bytes", "n": None}, {"s": "text", "b": "bytes"}),
        ([[1, 2], [3, 4]], {"data": "list"}),
        ([[1, 2], [3]], {"[0]": "list", "[1]": "list"}),
        ([], {"data": "list"}),
        ({"a": []}, {"a": "list"}),
        ({}, {}),
        ({"words": ["a", "b"], "pairs": [("a", 1)]}, {"words": "text", "pairs[0][0]": "text", "pairs[0][1]": "number"}),
        (Opaque("datetime.datetime"), {"data": "other"}),
        (np.array(["a"]), {"data": "other"}),
        (np.array([(1, (2.0, [1, 2]))], [("a", "i4"), ("b", [("c", "f8"), ("d", "u1", 2)])]),
         {"a": "array", "b/c": "array", "b/d": "array"}),
        (np.float32(2), {"data": "number"}),
        (Widened(np.zeros(2, "f4"), "bfloat16"), {"data": "bfloat16"}),
        (Keyed([("x", 1)], "torch_geometric.data.data.Data", [5]), {"x": "number", "[0]": "number"}),
        (Keyed([("_store", Keyed([("_mapping", Keyed([("x", 1)]))], "torch_geometric.data.storage.GlobalStorage"))],
               "torch_geometric.data.data.Data"), {"x": "number"}),
        (Keyed([("_parent", "a"), ("_node_store_dict", tree({"user": {"x": 1}}))], "torch_geometric.data.HeteroData"),
         {"user/x": "number"}),
        (Keyed([("_store", Keyed([("x", 1)])), ("_key", 2)], "mine.Data"), {"_store/x": "number", "_key": "number"}),
    ],
)  # fmt: skip
def test_each_leaf_has_its_path(thing, expected):
    assert paths(thing) == expected


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ([1, 2, 3], np.array([1, 2, 3])),
        ([[1, 2.5], [3, 4]], np.array([[1, 2.5], [3, 4]])),
        ([[[True], [False]]], np.array([[[1], [0]]], np.uint8)),
        ([np.float32(1), np.float32(2)], np.array([1, 2], np.float32)),
        ([1, 1 << 70], np.array([1.0, float(1 << 70)])),
        ([1.0, 10**400], np.array([1.0, np.finfo(float).max])),
        ([Run(np.arange(3.0)), 7, Run(np.arange(2.0))], np.array([0, 1, 2, 7, 0, 1.0])),
        ([[Run(np.arange(3.0))], [4, 5, 6]], np.array([[0, 1, 2], [4, 5, 6.0]])),
    ],
)
def test_lists_of_numbers_are_arrays(thing, expected):
    (leaf,) = leaves(tree(thing)).leaves
    assert leaf.kind == "list"
    assert leaf.values.dtype == expected.dtype
    assert np.array_equal(leaf.values, expected)


def test_no_value_of_a_long_list_is_lost():
    ragged = [[float(at)] * (1 + at % 3) for at in range(200)]
    mixed = [*ragged, *range(100), "text", None, *(np.full(2, at) for at in range(5)), {"x": 1}]
    made = leaves(tree({"long": mixed})).leaves
    assert sorted(np.concatenate([it.values.reshape(-1) for it in made if it.path == "long"]).tolist()) == sorted(
        [*(it for several in ragged for it in several), *range(100), *(at for at in range(5) for _ in range(2))]
    )
    assert {it.path for it in made} == {"long", "long[307]/x"}


def test_a_large_mapping_of_numbers_is_one_leaf():
    (leaf,) = leaves(tree({"ids": {f"key{at}": at for at in range(1000)}})).leaves
    assert (leaf.path, leaf.values.tolist()) == ("ids", [*range(1000)])


def test_shared_parts_are_seen_once_and_cycles_end():
    shared = np.zeros(3)
    inner = Items([shared, "a"])
    inner.items.append(inner)
    box = Box()
    box.node = box
    made = leaves(Keyed([("a", inner), ("b", inner), ("c", shared), ("d", box)]))
    assert [it.path for it in made.leaves] == ["a[0]", "a[1]"]
    assert made.again == ["a[2]", "b", "c"]


def test_a_tree_that_doubles_at_each_level_ends():
    node = Items([np.zeros(2), "x"])
    for _ in range(60):
        node = Items([node, node])
    made = leaves(node)
    assert [it.code for it in made.findings] == ["too-large"]
    numbers = Items([1, 2])
    for _ in range(60):
        numbers = Items([numbers, numbers])
    assert len(leaves(numbers).leaves) < 100


def test_what_is_nested_too_deep_is_said_not_to_be_judged():
    node = "deepest"
    for _ in range(100_000):
        node = Items([node, "x"])
    made = leaves(Keyed([("deep", node), ("x", np.zeros(1))]))
    assert [(it.code, it.verdict) for it in made.findings] == [("too-large", "unverifiable")]
    assert made.findings[0].field.count("[0]") == DEPTH - 1
    assert made.leaves[-1].path == "x"


def test_too_many_leaves_are_said_not_to_be_judged():
    made = leaves(Keyed([(f"k{at}", Keyed([("x", at)])) for at in range(2 * LEAVES)]))
    assert len(made.leaves) == LEAVES
    assert [(it.code, it.verdict) for it in made.findings] == [("too-large", "unverifiable")]


def test_the_last_of_equal_keys_counts_and_keys_that_look_alike_all_do():
    made = leaves(Keyed([("a", 1), ("a", 2)]))
    assert [it.values.item() for it in made.leaves] == [2]
    assert [it.code for it in made.findings] == ["fields"]
    long = "k" * 200
    made = leaves(Keyed([(f"{long}1", 1), (f"{long}2", 2), (1, 3), ("1", 4)]))
    assert [it.values.item() for it in made.leaves] == [1, 2, 3, 4]
    assert len({it.path for it in made.leaves}) == 4
    assert not made.findings
