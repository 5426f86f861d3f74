"""Word pictures whose texts, or whose pictures, have numbers of other digits than loaders ask for."""

import pytest
from convention_stores import load_words, picture, read, word_pictures, write

import datacheck


def with_digits(**digits):
    store = {b"num-samples": b"60"}
    for key, value in word_pictures(60).items():
        name, _, number = key.decode().rpartition("-")
        if name in digits:
            store[f"{name}-{int(number):0{digits[name]}d}".encode()] = value
    return store


@pytest.mark.parametrize(
    ("digits", "asked", "there"),
    [
        ({"image": 9, "label": 8}, "label-000000001", "label-00000001"),
        ({"image": 9, "label": 1}, "label-000000001", "label-1"),
        ({"image": 6, "label": 9}, "image-000000001", "image-000001"),
    ],
)
def test_one_part_that_is_written_otherwise_is_found_by_no_loader(tmp_path, digits, asked, there):
    source = write(tmp_path / "store", with_digits(**digits))
    with pytest.raises(KeyError):
        load_words(source)
    (finding,) = datacheck.scan(source).findings
    assert (finding.code, finding.verdict, finding.details["first"]) == ("dangling", "bad", [asked])
    assert f"the first one is {there}," in finding.message
    assert datacheck.scan(source, convention="count").clean


def test_a_copy_has_it_as_it_is_and_says_so(tmp_path):
    source = write(tmp_path / "store", with_digits(image=9, label=8))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert [it.code for it in receipt.lost] == ["dangling"]
    assert read(tmp_path / "copy") == read(source)


@pytest.mark.parametrize("digits", [9, 8, 1])
def test_parts_that_are_written_alike_are_for_a_loader_that_asks_so(tmp_path, digits):
    assert datacheck.scan(write(tmp_path / "store", with_digits(image=digits, label=digits))).clean


def test_what_the_loader_does_not_ask_for_may_be_written_as_it_is(tmp_path):
    store = word_pictures(60) | {b"lexicon-%06d" % at: b"a word%d" % at for at in range(1, 61)}
    store |= {b"image_lr-%04d" % at: picture(at, (12, 8)) for at in range(1, 61)}
    assert [it.code for it in datacheck.scan(write(tmp_path / "store", store)).findings] == []
