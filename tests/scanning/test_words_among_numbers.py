"""Rows of numbers with words among them, some of which can be read as numbers that are not finite."""

import random

import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.text import word_places

NAMES = [b"Anna", b"Nan", b"Bo"]
LANGUAGES = [b"eng", b"nan", b"deu", b"fra"]


def found(path, make, broken=None):
    draw = random.Random(3)
    rows = {key(at): make(draw, at) for at in range(200)} | {key(at): row for at, row in (broken or {}).items()}
    return [(it.key, it.code, it.verdict) for it in scan(write_lmdb(path, rows), workers=1).findings]


def colours(draw, at):
    return b"0.1,0.2,%d,%06X" % (at, draw.getrandbits(24))


def serials(draw, at):
    return b"%d%s%d\t0.5\t%d" % (draw.randrange(1, 10), draw.choice([b"A", b"E", b"C"]), draw.randrange(400, 999), at)


def serials_with_an_e(draw, at):
    return b"%dE%d\t0.5\t%d" % (draw.randrange(1, 10), draw.randrange(400, 999), at)


def nothing_but_serials(draw, at):
    return b"%dE%d" % (draw.randrange(1, 10), draw.randrange(200, 999))


@pytest.mark.parametrize("make", [colours, serials, serials_with_an_e, nothing_but_serials])
def test_digits_with_an_e_between_them_are_words_where_most_others_are(make, tmp_path):
    assert found(tmp_path / "env", make) == []


def test_a_hexadecimal_colour_like_a_number_is_sound(tmp_path):
    assert found(tmp_path / "env", colours, {7: b"0.1,0.2,7,4E4560"}) == []


def test_numbers_beyond_the_range_are_infinite_where_most_others_are_numbers(tmp_path):
    assert found(tmp_path / "env", colours, {7: b"0.1,1e999,7,4E4560"}) == [("00000007", "inf", "bad")]

    assert found(tmp_path / "numbers", lambda draw, at: b"%d" % at, {7: b"1e999"}) == [("00000007", "inf", "bad")]


def test_nan_may_be_a_word_where_most_others_have_one(tmp_path):
    rows = found(tmp_path / "names", lambda draw, at: b"%s,%d,170,65" % (NAMES[at % 3], at))
    assert {it[1:] for it in rows} == {("nan", "suspicious")}
    rows = found(tmp_path / "languages", lambda draw, at: b"%s 0.5 %d" % (LANGUAGES[at % 4], at), {6: b"deu nan 6"})
    assert [it for it in rows if it[2] == "bad"] == [("00000006", "nan", "bad")]


def test_a_row_that_ends_in_a_carriage_return_is_searched_too(tmp_path):
    rows = found(tmp_path / "env", lambda draw, at: b"%d,0.5,2" % at, {6: b"6,0.5,2\r\n", 7: b"7,nan,2\r\n"})
    assert rows == [
        ("00000006", "odd-text", "suspicious"),
        ("00000007", "odd-text", "suspicious"),
        ("00000007", "nan", "bad"),
    ]


def test_places_of_words_are_counted_without_the_names_of_numbers():
    assert word_places(b"cat, 0.5, x: 2, nan, 4E") == frozenset({0, 4})
