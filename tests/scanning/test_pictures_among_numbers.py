"""Records with a picture in a field where the others have a number or a text."""

import pickle

from commanding import datacheck
from convention_stores import picture, write


def write_with(path, other):
    """Write records of a number and a picture each, one of which has something `other` in place of its number."""
    records = {b"%04d" % at: pickle.dumps({"a": at + 0.5, "picture": picture(at)}) for at in range(40)}
    return write(path, records | {b"0007": pickle.dumps({"a": other, "picture": picture(7)})})


def test_a_picture_in_place_of_a_number_is_named_and_the_others_are_sound(tmp_path):
    told = datacheck("scan", write_with(tmp_path / "store", picture(99)))
    assert told.returncode in (0, 1)
    assert "internal-error" not in told.stdout
    assert "0007" in told.stdout
    assert "0008" not in told.stdout


def test_a_number_in_place_of_a_picture_is_named(tmp_path):
    records = {b"%04d" % at: pickle.dumps({"a": picture(at), "b": at}) for at in range(40)}
    store = write(tmp_path / "store", records | {b"0007": pickle.dumps({"a": 0.5, "b": 7})})
    told = datacheck("scan", store)
    assert "internal-error" not in told.stdout
    assert "0007" in told.stdout
    assert "0008" not in told.stdout


def test_numbers_beside_pictures_are_clean(tmp_path):
    assert datacheck("scan", write_with(tmp_path / "store", 7.5)).returncode == 0
