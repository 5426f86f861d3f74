"""Texts are examined together first; what is found in one must not depend on which others are beside it."""

import pytest

from datacheck.decoders.text import TextDecoder
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block

TEXTS = [
    b"[object Object]",
    b" [object Object]",
    b"[object Object]\n",
    b"<a.B object at 0x7f>",
    b"\n<a.B object at 0x7f>",
    b"<a\nb at 0x7f>",
    b"[1 2 3 ... 7 8 9]",
    b"[1 2\n 3 ... 7 8 9]",
    b"[1. 2. 3.\n ... 5]",
    b"[[1 2 3 ... 7]\n ...\n [1 2 3 ... 7]]",
    b" [1 2 3 ... 7]",
    b"[[1 2]\n ...\n [3 4]]",
    b"[[1]\n\t...\n [2]]",
    b'<HDF5 dataset "x": shape (3,)>',
    b"[nan\n 1. 2. ... 3.]",
    b"tensor([[0.1, 0.2, 0.3,  ..., 0.9]])",
    b"b'abc'",
    b" b'abc'",
    b"x\ny",
    b"ends\r\n",
    b"\xef\xbb\xbfx",
]


def findings(*values):
    """Return the code and the message of each finding, with the number of its text."""
    items = TextDecoder().decode(Block([b"k"] * len(values), values), range(len(values)), None)
    return [(row, it.code, it.message) for row, it in (it for it in items if not isinstance(it, Batch))]


@pytest.mark.parametrize("value", TEXTS)
def test_what_is_found_in_a_text_does_not_depend_on_the_others(value):
    alone, [*beside, control] = findings(value, b"sound"), findings(value, b"control \x01")
    assert control[:2] == (1, "odd-text")
    assert alone == beside


@pytest.mark.parametrize("value", [b"[1, 2, 3, ... and so on: how does it end?", b"[1, 2, 3, ...] is a sequence"])
def test_a_text_that_begins_with_such_an_array_and_goes_on_is_sound(value):
    assert findings(b"sound", value) == []
