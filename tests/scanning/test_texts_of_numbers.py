"""Stores of nothing but texts that consist of numbers, one of which is not finite."""

import pytest
from building import key, write_lmdb
from commanding import datacheck

from datacheck.decoders.text import is_numeric, is_plain, numbers_finding

BROKEN = {
    b"1 3:0.5 7:nan 9:2": "1 of 4 numbers is NaN, first at [2]",
    b"cat,0.5,-inf,0.25": "1 of 3 numbers is infinite, first at [1]",
    b"[[0.5 nan]\n [nan 2.0]]": "2 of 4 numbers are NaN, first at [1]",
    b"0.5|nan|2": "1 of 3 numbers is NaN, first at [1]",
    b"{'x': array([1.0, nan]), 'y': 3}": "1 of 3 numbers is NaN, first at [1]",
    b"a,b\n1,2\n3,1e400\n": "1 of 4 numbers is infinite, first at [3]",
    b"loss: nan\nscore: 2\n": "1 of 2 numbers is NaN, first at [0]",
}


@pytest.mark.parametrize(("text", "message"), BROKEN.items(), ids=map(str, BROKEN))
def test_numbers_that_are_not_finite_are_found_between_all_usual_signs(text, message):
    assert numbers_finding(text).message == message


@pytest.mark.parametrize("text", [b"12 pieces of nan bread", b" \n", b"x -> inf", b"", b"a" * 70, b"Infinity: part 2"])
def test_words_that_look_like_numbers_are_sound_in_prose(text):
    assert numbers_finding(text) is None


def test_numbers_behind_the_beginning_of_a_text_are_examined():
    assert is_numeric(b"0.5 " * 20_000)
    assert numbers_finding(b"0.5 " * 20_000 + b"nan").message == "1 of 20001 numbers is NaN, first at [20000]"


def test_a_row_of_numbers_beside_a_name_is_examined(tmp_path):
    store = write_lmdb(
        tmp_path / "rows", {key(at): b"cat,%d.5,%s" % (at, b"nan" if at == 7 else b"2") for at in range(30)}
    )
    result = datacheck("scan", store)
    assert result.returncode == 1
    assert "1 of 2 numbers is NaN, first at [1]" in result.stdout


def test_intervals_among_other_answers_are_sound(tmp_path):
    answers = [b"the interval [2, inf) and all below it", b"a dozen of nan breads", b"(-inf, 5)"]
    store = write_lmdb(tmp_path / "answers", {key(at): answers[at % 3] for at in range(30)})
    result = datacheck("scan", store)
    assert result.returncode == 0, result.stdout


SHORT = (b"1,2,3\r\n", b"C#N", b"C=O", b"1:2|0:3", "山！".encode(), b"3/4")


@pytest.mark.parametrize("text", SHORT, ids=map(str, SHORT))
def test_short_texts_with_the_usual_signs_are_plain(text):
    assert is_plain(text)


@pytest.mark.parametrize("raw", [b"x}~!", b"@!", b"  Z^"], ids=str)
def test_a_few_bytes_that_happen_to_be_printable_are_not(raw):
    assert not is_plain(raw)
