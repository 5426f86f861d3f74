"""Lists of keys in Python's notation, as `str(keys).encode()` writes them and `eval` reads them."""

import ast
import random

import pytest
from convention_stores import picture, read, write
from covering import seeds

import datacheck
from datacheck.conventions.values.printed_values import printed_value
from datacheck.conventions.values.stored_values import OtherItems, stored

KEYS = [b"%06d" % at for at in range(40)]
TEXTS = [it.decode() for it in KEYS]


def store(keys, **others):
    named = {of.encode(): it for of, it in others.items()}
    return {key: picture(at) for at, key in enumerate(KEYS)} | {b"__keys__": repr(keys).encode()} | named


def found(path):
    return [(it.code, it.verdict) for it in datacheck.scan(path).findings]


@pytest.mark.parametrize("keys", [KEYS, tuple(TEXTS), {"train": TEXTS[:30], "val": TEXTS[30:]}])
def test_a_printed_list_of_keys_is_compared_and_true_in_a_copy(tmp_path, keys):
    assert found(write(tmp_path / "sound", store(keys, __len__=b"40"))) == []
    cut = store(keys, __len__=b"40") | {KEYS[7]: picture(7)[:100]}
    datacheck.rebuild(write(tmp_path / "cut", cut), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    listed = ast.literal_eval(copy[b"__keys__"].decode())
    assert type(listed) is type(keys)
    every = [*listed["train"], *listed["val"]] if isinstance(listed, dict) else listed
    assert [it if isinstance(it, bytes) else it.encode() for it in every] == [it for it in KEYS if it != KEYS[7]]
    assert copy[b"__len__"] == b"39"


def test_a_printed_list_that_names_a_missing_key_is_dangling(tmp_path):
    assert found(write(tmp_path / "store", store([*KEYS, b"000040"]))) == [("dangling", "bad")]


def test_a_printed_list_of_something_else_is_kept(tmp_path):
    others = {"classes": repr(["cat", "dog"]).encode()}
    cut = store(KEYS, **others) | {KEYS[7]: picture(7)[:100]}
    datacheck.rebuild(write(tmp_path / "cut", cut), tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"classes"] == others["classes"]


@pytest.mark.parametrize("number", [40, 41])
def test_a_printed_mapping_of_metadata_holds_a_count(tmp_path, number):
    records = {key: picture(at) for at, key in enumerate(KEYS)}
    records[b"__metadata__"] = repr({"num_samples": number, "split": "train"}).encode()
    assert found(write(tmp_path / "store", records)) == [("count", "bad")] * (number != 40)


def drawn(draw, depth=0):
    kinds = [
        lambda: draw.choice(["a", "it's", 'say "x"', "é", "a\\b", "", "[", "', '"]),
        lambda: draw.choice([b"a", b"it's", b"\xff", b"', b'"]),
        lambda: draw.choice([0, -7, 1.5, 1e30, -2e-05, None, True]),
        lambda: [drawn(draw, depth + 1) for _ in range(draw.randrange(4))],
        lambda: tuple(drawn(draw, depth + 1) for _ in range(draw.randrange(3))),
        lambda: {draw.choice(["x", b"y", 3, "it's"]): drawn(draw, depth + 1) for _ in range(draw.randrange(3))},
    ]
    return draw.choice(kinds if depth < 2 else kinds[:3])()


@pytest.mark.parametrize("seed", seeds(4))
def test_what_python_prints_is_read_as_it_was(seed):
    draw = random.Random(seed)
    for _ in range(60):
        value = [drawn(draw), (drawn(draw),)]
        assert printed_value(repr(value).encode()) == value


@pytest.mark.parametrize(
    "text",
    ["['a'", "['a' 'b']", "[1 2]", "['a'],", "{'a'}", "{'a': 1, 'a': 2}", "[x]", "[nan]", "[" * 9 + "]" * 9, "(,)"],
)
def test_other_texts_are_no_printed_values(text):
    assert printed_value(text.encode()) is None


def test_printed_values_are_written_as_they_were():
    raw = repr({"a": ["x", ("y", 2)]}).encode()
    said = stored(raw)
    assert isinstance(said.value["a"][1], OtherItems)
    assert said.written(said.value) == raw
