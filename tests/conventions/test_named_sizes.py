"""Pictures that are called by their size have it."""

import pytest
from convention_stores import picture, sizes, write

import datacheck


def shapes(path):
    return {it.key: it.details for it in datacheck.scan(path).findings if it.code == "shape"}


def test_a_picture_of_another_size(tmp_path):
    records = sizes() | {b"32-00030": picture(30, (16, 16))}
    source = write(tmp_path / "store", records)
    assert shapes(source) == {"32-00030": {"found": [1, 16, 16], "expected": [1, 32, 32]}}


@pytest.mark.parametrize(
    "of",
    [
        lambda size, number: (size, size + number % 5),  # the shorter side
        lambda size, number: (size // 2, size // 2),  # a number that says something else
        lambda size, number: (size, size) if number % 8 else (size, size - 1),  # most of them only
    ],
    ids=["shorter", "other", "most"],
)
def test_names_that_are_no_sizes(tmp_path, of):
    records = {
        b"%d-%05d" % (size, number): picture(number, of(size, number)) for size in (16, 32) for number in range(48)
    }
    assert shapes(write(tmp_path / "store", records | {b"length": b"48"})) == {}
