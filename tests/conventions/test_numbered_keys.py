"""Which number a key carries."""

import random
import re

import numpy as np
import pytest

from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.conventions.keys.numbered_keys import KeyTable, Pattern, patterns


def names(keys):
    return {str(pattern): (pattern.width, count) for pattern, count in patterns(keys).items()}


def test_padded_and_plain_numbers():
    padded = [b"image-%09d" % number for number in range(30)]
    plain = [b"%d" % number for number in range(30)]
    assert names(padded + plain) == {"#": (1, 30), "image-#": (9, 30)}


def test_a_number_that_takes_few_values_is_part_of_the_name():
    keys = [b"%d-%05d" % (size, number) for size in (32, 64) for number in range(40)]
    assert names(keys) == {"32-#": (5, 40), "64-#": (5, 40)}


def test_a_key_that_holds_the_sign_for_a_number_is_not_one_with_a_number():
    assert patterns([b"#", b"7", b"8", b"x#", b"x1"]) == {Pattern(b""): 2, Pattern(b"x"): 1}


def test_numbers_beyond_the_padding_are_of_the_same_pattern():
    assert names([b"%05d" % number for number in (*range(20), *range(100_000, 100_020))]) == {"#": (5, 40)}


@pytest.mark.parametrize(
    "keys",
    [
        [b"%08d_cat/%d.jpg" % (number, number * 7919 % 1000) for number in range(100)],  # two numbers that vary
        [b"name", b"other"],
        [b"001", b"00001", b"00002", b"002"],  # padded in two ways
        [b"1" * 30, b"2" * 30],  # digests
    ],
)
def test_keys_without_a_number_of_their_own(keys):
    assert names(keys) == {}


@pytest.mark.parametrize("seed", range(10))
def test_the_numbers_of_many_keys_are_those_of_each(seed):
    draw = random.Random(seed)
    pattern = Pattern(draw.choice([b"", b"x-", b"im\xff"]), draw.choice([b"", b".png", b"7"]), draw.choice([1, 3, 6]))
    keys = [pattern.key(draw.randrange(10 ** draw.randrange(1, 9))) for _ in range(50)]
    keys += [bytes(draw.choice(b"0123456789x-.png") for _ in range(draw.randrange(1, 9))) for _ in range(200)]
    rows, numbers = pattern.numbers(KeyTable(keys))
    form = re.escape(pattern.before) + rb"([0-9]{%d}|[1-9][0-9]{%d,17})" % (pattern.width, pattern.width)
    expected = {}
    for row, key in enumerate(keys):
        match = re.fullmatch(form + re.escape(pattern.after), key)
        if match:
            expected[row] = int(match[1])
        assert pattern.number(key) == expected.get(row)
    assert dict(zip(rows.tolist(), numbers.tolist(), strict=True)) == expected
    assert numbers.dtype == np.int64


def test_an_account_adds_up_however_the_keys_are_split():
    keys = sorted(
        [b"%d" % number for number in range(500)] + [b"label-%04d" % number for number in range(300)] + [b"length"]
    )
    watch = KeyWatch((Pattern(b""), Pattern(b"label-", b"", 4)), frozenset({b"length"}))
    whole = Account()
    whole.take(keys, watch)
    parts = [Account() for _ in range(7)]
    for at, part in enumerate(parts):
        part.take(keys[at * 120 : (at + 1) * 120], watch)
    random.Random(3).shuffle(parts)
    added = Account()
    for part in parts:
        added += part
    assert added == whole
    assert {str(pattern): runs.spans for pattern, runs in whole.numbers.items()} == {
        "#": [(0, 500)],
        "label-#": [(0, 300)],
    }
    assert (whole.records, whole.own) == (801, 1)
