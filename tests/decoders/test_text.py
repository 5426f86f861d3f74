"""Text and decimal numbers."""

from __future__ import annotations

import pytest

from datacheck.decoders.text import DecimalDecoder, TextDecoder
from datacheck.model.blocks import Block


@pytest.mark.parametrize("value", [b"0", b"7224612", b"-1", b"+3.5", b".5", b"1.", b"1e-3", b" 12\r\n"])
def test_decimals(value):
    decoder = DecimalDecoder()
    assert decoder.knows(memoryview(value))
    assert list(decoder.decode(Block([b"num-samples"], [memoryview(value)]), [0], None)) == []


@pytest.mark.parametrize(
    "value", [b"", b"12x", b"1 2", b"1,000", b"nan", b"0x10", b"-", b".", "１２".encode(), b"1" * 65]
)
def test_what_is_no_decimal(value):
    decoder = DecimalDecoder()
    assert not decoder.knows(value)
    [finding] = decoder.read(value, None).findings
    assert finding.code == "undecodable"
    assert finding.message.isprintable()
    assert len(finding.message) < 120


def test_the_message_quotes_the_value():
    assert DecimalDecoder().read(b"12x\x1b", None).findings[0].message == 'not a decimal number: "12x\\x1b"'


TEXTS = [
    "a",
    "Hello, world!\n",
    "naïve café",
    "一二三\t四",
    "🙂",
    "zero\u200bwidth",
    "\ufeffmark",
    "שלום",
    "b'\\xff\\xd8'",
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text):
    value = memoryview(text.encode())
    assert TextDecoder().knows(value)
    assert list(TextDecoder().decode(Block([b"label"], [value]), [0], None)) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"caf\xe9", "not UTF-8 text: unexpected end of data (0xe9) at byte 3"),
        (b"ab\xff\xfe", "not UTF-8 text: invalid start byte (0xff) at byte 2"),
        (b"ab\0cd", "not text: the control character U+0000 at byte 2"),
        ("é\x1b[31m".encode(), "not text: the control character U+001B at byte 2"),
        (b"\x7f", "not text: the control character U+007F at byte 0"),
        ("\x85".encode(), "not text: the control character U+0085 at byte 0"),
        ("a\uffff".encode(), "not text: the control character U+FFFF at byte 1"),
    ],
)
def test_what_is_no_text(value, said):
    assert not TextDecoder().knows(value)
    [finding] = TextDecoder().read(value, None).findings
    assert (finding.code, finding.message) == ("undecodable", said)
    assert finding.details["offset"] == int(said.split()[-1])


def test_nothing_is_no_text():
    assert not TextDecoder().knows(b"")


@pytest.mark.parametrize("shift", range(4))
def test_long_texts_are_recognised_by_their_beginning(shift):
    value = b"x" * shift + "四".encode() * 30000
    assert TextDecoder().knows(value)
    assert TextDecoder().read(value, None).findings == ()
    assert TextDecoder().knows(value + b"\0")
    assert TextDecoder().read(value + b"\0", None).findings[0].details == {"offset": len(value)}
    assert not TextDecoder().knows(b"\xff" + value)
