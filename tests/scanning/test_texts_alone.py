"""Test stores of nothing but texts or numbers: captions, lines of tokens, sequences, rows of numbers, labels."""

import base64
import random

import pytest
from building import key, write_lmdb
from commanding import datacheck

from datacheck import scan

COUNT = 60
WORDS = ["a", "man", "rides", "the", "red", "bicycle", "on", "street", "with", "two", "dogs", "and", "lake"]


def caption(draw):
    return " ".join(draw.choices(WORDS, k=draw.randint(3, 12))).encode()


def tokens(draw):
    return b" ".join(b"%d" % draw.randrange(50_000) for _ in range(12))


def row(draw):
    return b",".join(b"%.4f" % draw.gauss(0, 1) for _ in range(6))


TEXTS = {
    "captions": caption,
    "tokens": tokens,
    "rows of numbers": row,
    "proteins": lambda draw: "".join(draw.choices("ACDEFGHIKLMNPQRSTVWY", k=90)).encode(),
    "SMILES": lambda draw: b"CC(=O)N" + b"C" * draw.randrange(40) + b"c1ccccc1",
    "words in Chinese": lambda draw: "".join(draw.choices("天地玄黄宇宙洪荒", k=9)).encode(),
    "digests": lambda draw: draw.randbytes(32).hex().encode(),
    "lines": lambda draw: caption(draw) + b"\n" + caption(draw) + b"\n",
}
NO_TEXTS = {
    "base64": lambda draw: base64.b64encode(draw.randbytes(60)),
    "base64 in lines": lambda draw: base64.encodebytes(draw.randbytes(300)),
    "hexadecimal": lambda draw: draw.randbytes(80).hex().encode(),
    "objects in JavaScript": lambda _: b"[object Object]",
    "objects in Python": lambda draw: b"<__main__.Sample object at 0x%x>" % draw.getrandbits(44),
    "pairs of bytes": lambda draw: bytes(draw.choices(range(33, 127), k=2)),
}


def store(tmp_path, make, broken=None):
    draw = random.Random(1)
    values = {key(at): make(draw) for at in range(COUNT)}
    return write_lmdb(tmp_path / "env", values | {key(at): it for at, it in (broken or {}).items()})


def found(path, **options):
    return [(it.key, it.code, it.verdict) for it in scan(path, workers=1, **options).findings]


@pytest.mark.parametrize("name", TEXTS)
def test_texts_alone_are_read(name, tmp_path):
    run = datacheck("scan", store(tmp_path, TEXTS[name]))
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "clean: nothing wrong")
    assert "LMDB of texts, 60 records" in run.stdout


@pytest.mark.parametrize("name", NO_TEXTS)
def test_what_stands_for_something_else_is_not_known(name, tmp_path):
    assert found(store(tmp_path, NO_TEXTS[name])) == [(None, "unknown-payload", "unverifiable")]


def test_what_is_not_text_among_texts_is_named(tmp_path):
    flipped = b"a m\xe1n rides"
    broken = {7: random.Random(2).randbytes(50), 8: bytes(40), 9: flipped, 10: b"", 11: b"\xef\xbb\xbfa dog"}
    assert found(store(tmp_path, caption, broken)) == [
        ("00000007", "undecodable", "bad"),
        ("00000008", "undecodable", "bad"),
        ("00000009", "undecodable", "bad"),
        ("00000010", "empty", "suspicious"),
        ("00000011", "odd-text", "suspicious"),
    ]


def test_a_number_that_is_not_finite_in_a_row_of_numbers_is_named(tmp_path):
    broken = {7: b"0.5,nan,2,-inf", 8: b"[1.0, 2.0, Infinity]", 9: b"1e999 3", 10: b"nan bread, infinite dogs"}
    findings = scan(store(tmp_path, row, broken), workers=1).findings
    assert [(it.key, it.code, it.message) for it in findings] == [
        ("00000007", "nan", "1 of 4 numbers is NaN, first at [1]"),
        ("00000008", "inf", "1 of 3 numbers is infinite, first at [2]"),
        ("00000009", "inf", "1 of 2 numbers is infinite, first at [0]"),
    ]


def test_numbers_alone_are_read(tmp_path):
    broken = {7: b"nan", 8: b"N/A", 9: b"12"}
    path = store(tmp_path, lambda draw: b"%d" % draw.randrange(10), broken)
    assert found(path) == [("00000007", "nan", "bad"), ("00000008", "undecodable", "bad")]
    assert ("00000009", "out-of-range", "bad") in found(path, range=(0, 9))


def test_two_families_of_texts_are_read(tmp_path):
    draw = random.Random(1)
    values = {b"%s-%09d" % (side, at): caption(draw) for at in range(30) for side in (b"src", b"tgt")}
    values[b"tgt-000000007"] = b"\xff\xfe\x00"
    assert found(write_lmdb(tmp_path / "env", values)) == [("tgt-000000007", "undecodable", "bad")]


def test_what_lies_beside_texts_is_judged_by_itself(tmp_path):
    draw = random.Random(1)
    values = {b"line-%05d" % at: caption(draw) for at in range(COUNT)}
    aside = {b"length": b"60", b"vocab": b"a man rides"}
    assert found(write_lmdb(tmp_path / "sound", values | aside)) == []
    odd = values | aside | {b"other": b"\x80" + draw.randbytes(90)}
    assert found(write_lmdb(tmp_path / "odd", odd)) == [("other", "unknown-payload", "unverifiable")]


def test_few_texts_may_be_texts_by_chance(tmp_path):
    assert found(write_lmdb(tmp_path / "env", {b"a": b"hello world"})) == [(None, "unknown-payload", "unverifiable")]
    few = {key(at): b"the words of a longer caption" for at in range(3)}
    assert found(write_lmdb(tmp_path / "few", few)) == []
