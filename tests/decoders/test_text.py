"""Test text, decimal numbers and single bytes."""

from __future__ import annotations

import math

import pytest

from datacheck.decoders.text import ByteDecoder, DecimalDecoder, TextDecoder
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.profile import FamilyProfile


def decoded(made, *values, label=None):
    """Return the findings of a decoder by row, and its batches."""
    family = None if label is None else FamilyProfile(made.name, 0, label=label)
    items = list(made.decode(Block([b"k"] * len(values), values), range(len(values)), family))
    return [it for it in items if not isinstance(it, Batch)], [it for it in items if isinstance(it, Batch)]


@pytest.mark.parametrize("value", [b"0", b"7224612", b"-1", b"+3.5", b".5", b"1.", b"1e-3", b" 12\r\n"])
def test_decimals(value):
    assert DecimalDecoder().knows(memoryview(value))
    findings, [batch] = decoded(DecimalDecoder(), memoryview(value))
    assert findings == []
    assert (batch.field, batch.label, batch.values.tolist()) == ("data", False, [float(value)])


@pytest.mark.parametrize("value", [b"nan", b"NaN", b"-inf", b"Infinity"])
def test_numbers_that_are_not_finite_are_numbers(value):
    assert DecimalDecoder().knows(value)
    _, [batch] = decoded(DecimalDecoder(), value)
    assert not math.isfinite(batch.values[0])


@pytest.mark.parametrize(
    "value", [b"", b"12x", b"1 2", b"1,000", b"1_000", b"nano", b"0x10", b"-", b".", "１２".encode(), b"1" * 65]
)
def test_what_is_no_decimal(value):
    assert not DecimalDecoder().knows(value)
    [(row, finding)], batches = decoded(DecimalDecoder(), value)
    assert (row, finding.code, batches) == (0, "undecodable", [])
    assert finding.message.isprintable()
    assert len(finding.message) < 120


def test_the_message_quotes_the_value():
    [(_, finding)], _ = decoded(DecimalDecoder(), b"12x\x1b")
    assert finding.message == 'not a decimal number: "12x\\x1b"'


TEXTS = [
    "a",
    "Hello, world!\n",
    "naïve café",
    "一二三\t四",
    "🙂",
    "zero\u200bwidth",
    "שלום",
    "two\r\nlines\r\n",
    "say b'no'",
    "nan",
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text):
    value = memoryview(text.encode())
    assert TextDecoder().knows(value)
    assert decoded(TextDecoder(), value) == ([], [])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"caf\xe9", "not UTF-8 text: unexpected end of data (0xe9) at byte 3"),
        (b"ab\xff\xfe", "not UTF-8 text: invalid start byte (0xff) at byte 2"),
        (bytes(12), "not text: 12 bytes, nothing but zero bytes"),
        (b"\x01\x02", "not text: 2 bytes, nothing but control characters"),
    ],
)
def test_what_is_no_text(value, said):
    assert not TextDecoder().knows(value)
    for values in ([value], [b"sound", value, b"sound"]):
        [(row, finding)], batches = decoded(TextDecoder(), *values)
        assert (values[row], finding.code, finding.message, batches) == (value, "undecodable", said, [])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"ab\0cd", "the control character U+0000 at byte 2"),
        ("é\x1b[31m".encode(), "the control character U+001B at byte 2"),
        (b"x\x7f", "the control character U+007F at byte 1"),
        ("a\x85".encode(), "the control character U+0085 at byte 1"),
        ("a\uffff".encode(), "the control character U+FFFF at byte 1"),
        ("\ufeffcat".encode(), "begins with a byte order mark"),
        (b"cat\r", "ends in a carriage return"),
        (b"cat\r\n", "ends in a carriage return"),
        (b"b'cat'", "bytes written out as text, b'...': str() was called on them before they were stored"),
        (b'b"it\'s"', "bytes written out as text, b'...': str() was called on them before they were stored"),
    ],
)
def test_odd_texts(value, said):
    for values in ([value], [b"sound", value, b"sound"]):
        [(row, finding)], _ = decoded(TextDecoder(), *values)
        assert (values[row], finding.code, finding.verdict, finding.message) == (value, "odd-text", "suspicious", said)


def test_a_zip_archive_among_texts_is_no_text():
    [(_, finding)], _ = decoded(TextDecoder(), b"PK\x03\x04\x14\0\0\0")
    assert (finding.code, finding.verdict) == ("unknown-payload", "unverifiable")


def test_nothing_is_no_text():
    assert not TextDecoder().knows(b"")


@pytest.mark.parametrize("shift", range(4))
def test_long_texts_are_recognised_by_their_beginning(shift):
    value = b"x" * shift + "四".encode() * 30000
    assert TextDecoder().knows(value)
    assert decoded(TextDecoder(), value) == ([], [])
    assert TextDecoder().knows(value + b"\0")
    [(_, finding)], _ = decoded(TextDecoder(), value + b"\0")
    assert finding.details == {"offset": len(value)}
    assert not TextDecoder().knows(b"\xff" + value)


def test_labels_are_numbers_where_they_can_be_and_words_elsewhere():
    findings, batches = decoded(TextDecoder(), b"7", b"cat", b"\xff", b"12", b"dog\r", label=True)
    assert [(row, finding.code) for row, finding in findings] == [(2, "undecodable"), (4, "odd-text")]
    assert [(it.field, it.label, list(it.rows), it.values.tolist()) for it in batches] == [
        ("label", True, [0, 3], [7.0, 12.0]),
        ("label", True, [1, 4], [b"cat", b"dog\r"]),
    ]


def test_any_single_byte_is_sound_and_two_are_not():
    every = [bytes([byte]) for byte in range(256)]
    findings, [batch] = decoded(ByteDecoder(), *every, b"ab", label=True)
    assert batch.values.tolist() == list(range(256))
    assert (batch.field, batch.label) == ("label", True)
    [(row, finding)] = findings
    assert (row, finding.code, finding.message) == (256, "size-mismatch", "2 bytes, the others have one")


@pytest.mark.parametrize("word", [b"nan", b"Inf", b"-infinity", b"9E999"])
def test_among_labels_that_are_words_what_is_no_finite_number_is_a_word(word):
    findings, batches = decoded(TextDecoder(), b"7", b"grandma", word, label=True)
    assert findings == []
    assert [(list(it.rows), it.values.tolist()) for it in batches] == [([0], [7.0]), ([1, 2], [b"grandma", word])]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"[object Object]", '"[object Object]" stands for an object'),
        (b"<__main__.Sample object at 0x7f1c2a3b4d50>\n", "stands for an object"),
        (b"<PIL.Image.Image image mode=RGB size=64x64 at 0x7F1C2A3B4D50>", "stands for an object"),
        (b"[0.1 0.2 0.3 ... 0.7 0.8 0.9]", "an array written out as text"),
        (b"[[ 1.5e-03 -2.  3.1 ...  4. 5. 6.]\n ...\n [ 1. 2. 3. ... 4. 5. 6.]]", "an array written out as text"),
        (b"tensor([1, 2, 3,  ..., 7, 8, 9])", "an array written out as text"),
    ],
)
def test_what_stands_for_something_that_was_not_stored(value, words):
    [(row, finding)], _ = decoded(TextDecoder(), b"sound", value)
    assert (row, finding.code, finding.verdict) == (1, "odd-text", "suspicious")
    assert words in finding.message


@pytest.mark.parametrize(
    "value",
    [
        b"alert() shows [object Object] here",
        b"<b>meet at 0x10</b> and more",
        b"[the dog ... runs]",
        b"[1, 2, 3] and then ... 4",
        b"[0.1 0.2 0.3]",
        b"wait ... what",
    ],
)
def test_texts_about_such_things_are_sound(value):
    assert decoded(TextDecoder(), b"sound", value) == ([], [])
