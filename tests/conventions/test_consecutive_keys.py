"""Keys whose numbers follow each other are told at once, and all others are read one by one: to the same account."""

import random

import pytest
from covering import seeds

from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.conventions.keys.numbered_keys import Packed, Pattern
from datacheck.model.key_series import series_of

PATTERNS = (Pattern(b"image-", b"", 9), Pattern(b"label-", b".txt", 9), Pattern(b"", b"", 8), Pattern(b"x", b"", 1))


def account(keys, watch, size):
    made = Account()
    for at in range(0, len(keys), size):
        part = keys[at : at + size]
        made.take(part, watch, series_of(part))
    return made.records, made.own, {pattern: runs.spans for pattern, runs in made.numbers.items() if runs}


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize(("first", "count"), [(0, 64), (1, 100), (995, 2100), (12_345, 777), (99_999_000, 900)])
def test_they_are_the_numbers_from_the_first_to_the_last(pattern, first, count):
    keys = [pattern.key(it) for it in range(first, first + count)]
    told = pattern.consecutive(series_of(keys))
    assert told in ((first, first + count), None)
    assert (told is None) == (len(keys[0]) != len(keys[-1]) or (len(str(first)) < 3 and pattern.width == 1))


CHANGES = {
    "a number less": lambda keys: [*keys[:50], *keys[51:]],
    "another key in its place": lambda keys: [*keys[:50], keys[49] + b"x", *keys[51:]],
    "a key cut, the next one longer": lambda keys: [*keys[:50], keys[50] + b"0", keys[51][:-1], *keys[52:]],
    "two in the other order": lambda keys: [*keys[:50], keys[51], keys[50], *keys[52:]],
    "one twice, one not": lambda keys: [*keys[:50], keys[49], *keys[51:]],
    "a line's end within": lambda keys: [*keys[:50], keys[50][:-1] + b"\n", *keys[51:]],
    "no digit": lambda keys: [*keys[:50], keys[50][:-2] + b":0", *keys[51:]],
}


@pytest.mark.parametrize("pattern", PATTERNS[:3], ids=str)
@pytest.mark.parametrize("change", CHANGES)
def test_what_only_looks_so_from_its_ends_is_not(pattern, change):
    keys = [pattern.key(it) for it in range(1000, 1200)]
    assert pattern.consecutive(series_of(keys)) == (1000, 1200)
    assert pattern.consecutive(series_of(CHANGES[change](keys))) is None


def test_keys_that_are_numbers_themselves_take_the_long_way():
    pattern = Packed(width=4)
    assert pattern.consecutive(series_of([pattern.key(it) for it in range(100)])) is None


@pytest.mark.parametrize("seed", seeds(8))
def test_the_account_is_the_same_however_they_are_told(seed, monkeypatch):
    chance = random.Random(seed)
    keys = {b"num-samples", b"length"}
    for pattern in PATTERNS:
        start = chance.choice([0, 1, 980, 123_456])
        keys |= {pattern.key(it) for it in range(start, start + chance.randrange(3000)) if chance.random() > 0.0005}
    keys = sorted(keys)
    watch = KeyWatch(PATTERNS, frozenset({b"num-samples", b"length"}))
    size = chance.choice([64, 500, 4096])
    quick = account(keys, watch, size)
    monkeypatch.setattr(Pattern, "consecutive", lambda self, series: None)
    assert quick == account(keys, watch, size)


def test_a_record_of_the_convention_with_such_a_key_is_not_passed_over():
    watch = KeyWatch(PATTERNS[2:3], frozenset({b"00000100"}))
    keys = [b"%08d" % it for it in range(200)]
    assert account(keys, watch, 200)[:2] == (200, 1)
