"""Test JSON as trees: what Python and ASE write, and texts that are each broken in one way."""

import json
import random

import numpy as np
import pytest
from tree_values import codes, plain_value

from datacheck.decoders.trees.json_text import JsonDecoder, is_json, parse_json
from datacheck.decoders.trees.tree import Keyed


def tree(text):
    parsed = parse_json(text.encode() if isinstance(text, str) else text)
    assert codes(parsed) == []
    return plain_value(parsed.tree)


def ase(shape, name, flat):
    return json.dumps({"__ndarray__": [shape, name, flat]})


def test_words_that_are_no_json_and_python_writes_are_numbers():
    read = tree('{"a": NaN, "b": [1, -Infinity, Infinity], "c": "NaN"}')
    assert np.isnan(read["a"])
    assert read["b"] == [1.0, -np.inf, np.inf]
    assert read["c"] == "NaN"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[1, 2], [3, 4.5]]", [[1, 2], [3, 4.5]]),
        ("[true, 1, null]", [True, 1, None]),
        ("[]", []),
        ("[18446744073709551616]", [18446744073709551616]),
        ('{"a": {"b": [[{"c": [1.5]}]]}}', {"a": {"b": [[{"c": [1.5]}]]}}),
        ('"\\ud800"', "\ud800"),
        ("\ufeff{}", {}),
    ],
)
def test_what_json_holds(text, expected):
    assert tree(text) == expected


def test_keys_that_occur_twice_are_both_there():
    parsed = parse_json(b'{"a": 1, "a": NaN}')
    assert isinstance(parsed.tree, Keyed)
    assert [key for key, _ in parsed.tree.pairs] == ["a", "a"]


def test_whole_numbers_beyond_every_float_are_infinite():
    assert tree("[1" + "0" * 5000 + ", 1]") == [np.inf, 1]


def test_lines_of_json_are_a_list():
    assert tree('{"a": 1}\n') == {"a": 1}
    assert tree('{"a": 1}\n{"a": 2}\r\n\n[3]\n') == [{"a": 1}, {"a": 2}, [3]]
    assert codes(parse_json(b'{"a": 1}\n{"a": ')) == ["truncated"]
    assert codes(parse_json(b'{"a": 1}\n{a}\n')) == ["undecodable"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ase([2, 3], "float64", [0, 1, 2, 3, 4, 5]), ("<f8", [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])),
        (ase([2], "int64", [8, 1]), ("<i8", [8, 1])),
        (ase([3], "bool", [True, False, True]), ("|b1", [True, False, True])),
        (ase([0, 3], "float64", []), ("<f8", [])),
        (ase([], "float32", [1.5]), ("<f4", 1.5)),
        (ase([2], "complex128", [1, 2, 3, 4]), ("<c16", [1 + 2j, 3 + 4j])),
    ],
)
def test_arrays_of_ase(text, expected):
    assert tree(text) == expected


def test_an_array_of_ase_whose_list_is_too_short_or_too_long():
    for flat in ([1.0] * 5, [1.0] * 7, []):
        assert tree('{"forces": ' + ase([2, 3], "float64", flat) + "}") == {"forces": "size-mismatch"}
        (finding,) = JsonDecoder().read(('{"forces": ' + ase([2, 3], "float64", flat) + "}").encode(), None).findings
        assert (finding.field, finding.code) == ("forces", "size-mismatch")
        assert f"2 x 3 float64 is stored with {len(flat)} values" in finding.message


def test_what_only_looks_like_an_array_of_ase_stays_what_it_is():
    for held in ('"no"', "[1, 2, 3]", '[[2], "object", [1, 2]]', '[[-2], "float64", [1]]', '[[2], "float64", "ab"]'):
        assert list(tree('{"__ndarray__": ' + held + "}")) == ["__ndarray__"]


def test_a_text_cut_anywhere_is_truncated():
    text = json.dumps({"a": [[1, -2.5e-7], [3, 4]], "n": float("nan"), "s": 'x"é\\', "l": [True, None], "i": -np.inf})
    for raw in (text.encode(), text.encode().replace(b"\\u00e9", "é".encode())):
        for at in range(1, len(raw)):
            assert codes(parse_json(raw[:at])) == ["truncated"], raw[:at]


@pytest.mark.parametrize(
    "text",
    [
        b"{'not': json",
        b'{"a": 1,}',
        b"[01]",
        b'["a\x01"]',
        b"{a: 1}",
        b'["\\x"]',
        b'["\xff"]',
        b"[1 2]",
        b"[nan]",
        b"]",
    ],
)
def test_what_is_no_json_is_undecodable(text):
    (finding,) = parse_json(text).findings
    assert finding.code == "undecodable"
    assert str(finding.details["offset"]) in finding.message


def test_bytes_behind_the_end_are_said_and_the_tree_is_kept():
    for text in (b'{"a": 1}x', b'{"a": 1}\0\0', b'{"a": 1}{"a": 2}', b'{"a": 1}\nthe end'):
        parsed = parse_json(text)
        assert codes(parsed) == ["trailing-data"]
        assert plain_value(parsed.tree) == {"a": 1}


@pytest.mark.parametrize("text", [b"[" * 200 + b"]" * 200, b"[" * 1_000_000, b'{"a":' * 500_000])
def test_deep_nesting_is_not_followed(text):
    (finding,) = parse_json(text).findings
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")


def test_nesting_as_deep_as_allowed_is():
    assert codes(parse_json(b"[" * 100 + b"1" + b"]" * 100)) == []


@pytest.mark.parametrize("text", [b"}" * 2_000_000, b'"' * 2_000_000, b"[" + b"9" * 2_000_000, b'["' + b"\\" * 999_999])
def test_long_nonsense_is_one_finding(text):
    assert len(parse_json(text).findings) == 1


def test_flipped_bits_raise_nothing():
    text = bytearray(
        json.dumps({"a": [[1, 2.5], [3, 4]], "s": "é\\", "arr": json.loads(ase([2], "int8", [1, 2]))}).encode()
    )
    chance = random.Random(14)
    for _ in range(4000):
        changed = bytearray(text)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(text))] ^= 1 << chance.randrange(8)
        is_json(changed)
        parse_json(changed)


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b' {"a": 1}',
        b"[[1, 2], NaN]\n",
        b'{"a": 1}\n{"a": 2}\n',
        b'{"label": [1, 2',
        b"[1.",
        b'["a',
        b"[-Inf",
    ],
)
def test_what_is_known_as_json(text):
    assert is_json(text)
    assert is_json(memoryview(text))


@pytest.mark.parametrize(
    "text",
    [b"", b"12", b"1.5", b'"text"', b"true", b"null", b"NaN", b"[laughter] so", b"[1] a note", b"{curly} words", b"[a]",
     b"{'a': 1}", b"[1, 2] and so on", b"[x, y]", b"\x93NUMPY", b"[\0\0", b"{1: 2}", b"[,]", b"[}"],
)  # fmt: skip
def test_what_is_not_known_as_json(text):
    assert not is_json(text)


def test_a_long_text_is_known_by_its_beginning():
    assert is_json(json.dumps({"data": list(range(5000))}).encode())
    assert not is_json(b'{"a": 1} ' + b"words " * 1000)
