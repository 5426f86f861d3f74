"""Test keys that form a series: detected at once, they give the same answers as key by key."""

import random

import pytest
from covering import seeds

from datacheck.conventions.keys.account import KeyWatch
from datacheck.model.blocks import Block
from datacheck.model.key_series import Series, series_of

SOUND = {
    "image-000000998": (b"image-%09d", 998),
    "bare": (b"%08d", 0),
    "an ending": (b"train/%05d.jpg", 99_000),
    "a number before": (b"32-%05d", 12),
    "a number behind": (b"%06d_v2", 3),
    "no zeros in front": (b"k%d", 1000),
    "a percent sign": (b"100%%-%04d", 1),
    "what is a digit elsewhere": (b"%07d\xb2", 5),
}
KNOWN = {"image-#", "#", "train/#.jpg", "32-#", "64-#", "#-#", "#_v#", "k#", "#%-#"}


def made(form, first, count=700):
    return [form % number for number in range(first, first + count)]


@pytest.mark.parametrize("name", SOUND)
def test_a_series_is_spelled_as_it_is(name):
    form, first = SOUND[name]
    keys = made(form, first)
    series = series_of(keys)
    assert series is not None
    assert (series.start, series.stop) == (first, first + 700)
    assert series.lines() == b"\n".join(keys)
    assert [series.key(number) for number in range(first, first + 700)] == keys
    assert [series.row(it) for it in keys] == list(range(700))


OTHERS = {
    "few": made(b"%08d", 0, 63),
    "short numbers": made(b"x%d", 10, 80),
    "a hole": made(b"%08d", 0, 100) + made(b"%08d", 101, 100),
    "downwards": made(b"%08d", 0)[::-1],
    "one twice, one not": [*made(b"%08d", 0, 50), b"%08d" % 49, *made(b"%08d", 51, 100)],
    "two numbers": [b"%04d_%04d" % (it, it) for it in range(100)],
    "no number": [b"a" * 9] * 100,
    "a line's end": made(b"a\n%04d", 1),
    "others that make the same lines": [
        b"a\n0001",
        b"a",
        b"0002\na\n0003",
        *made(b"a\n%04d", 4, 97),
    ],
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_series(name):
    assert series_of(OTHERS[name]) is None


def changed(keys, chance):
    """Return keys of which up to three are replaced, mostly none."""
    keys = list(keys)
    for _ in range(chance.choice([0, 0, 1, 3])):
        keys[chance.randrange(len(keys))] = chance.choice([b"num-samples", b"64-00001", b"zz", b"image-7", b"12-12"])
    return keys


@pytest.mark.parametrize("seed", seeds(16))
def test_what_is_asked_of_a_series_is_answered_as_key_by_key(seed, monkeypatch):
    chance = random.Random(seed)
    form, first = SOUND[chance.choice([*SOUND])]
    keys = changed(made(form, first, chance.randrange(64, 900)), chance)
    block = Block(keys, keys, database=chance.choice([None, "db"]))
    known = KNOWN if block.database is None else {f"db:{it}" for it in KNOWN}
    own = frozenset(chance.sample([*keys, b"num-samples", b"length", b"32-00000"], 3))
    asked = [range(len(keys)), sorted(chance.sample(range(len(keys)), 20))]
    quick = [block.named(rows, known) for rows in asked], KeyWatch(own=own).own_rows(keys, block.series)
    monkeypatch.setattr("datacheck.model.blocks.series_of", lambda keys: None)
    plain = Block(keys, keys, database=block.database)
    assert plain.series is None
    assert quick == ([plain.named(rows, known) for rows in asked], KeyWatch(own=own).own_rows(keys))


def test_a_row_is_that_of_the_very_key():
    series = Series(b"k", b"", 4, 1000, 2000)
    assert [series.row(it) for it in (b"k1000", b"k1999", b"k2000", b"k999", b"k01000", b"x1000", b"k1000x", b"k")] == [
        0, 999, None, None, None, None, None, None,
    ]  # fmt: skip
