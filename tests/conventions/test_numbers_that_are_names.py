"""Numbers in keys that are names, as those made of a clip and a frame: a count beside them says how many there are."""

import struct

import pytest
from convention_stores import picture, read, write

import datacheck

BOTH = [divmod(number, 20) for number in range(200)]
KEYS = {
    "of two numbers of four bytes": [struct.pack(">II", *it) for it in BOTH],
    "of two numbers of two bytes": [struct.pack("<HH", *it) for it in BOTH],
    "of a number with decimals": [struct.pack("<d", number / 2) for number in range(200)],
    "of digits for two": [b"%04d%06d" % it for it in BOTH],
    "of every third": [b"img%06d" % (3 * number) for number in range(200)],
}


@pytest.mark.parametrize("keys", KEYS)
def test_nothing_is_missing_between_names(tmp_path, keys):
    records = {key: picture(number) for number, key in enumerate(KEYS[keys])}
    assert datacheck.scan(write(tmp_path / "sound", records | {b"num_samples": b"200"})).counts == {}
    bad = KEYS[keys][77]
    source = write(tmp_path / "store", records | {b"num_samples": b"200", bad: records[bad][:100]})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy") == {k: v for k, v in records.items() if k != bad} | {b"num_samples": b"199"}


@pytest.mark.parametrize("said", [b"600", b"597", b"300"])
def test_a_count_of_more_is_held_against_them(tmp_path, said):
    records = {key: picture(number) for number, key in enumerate(KEYS["of every third"])}
    assert datacheck.scan(write(tmp_path / "store", records | {b"num_samples": said})).bad


def test_what_goes_from_a_numbering_leaves_holes_in_it(tmp_path):
    records = {b"img%06d" % number: picture(number) for number in range(200) if number % 17}
    report = datacheck.scan(write(tmp_path / "store", records | {b"num_samples": b"%d" % len(records)}))
    assert [it.code for it in report.findings] == ["dangling"]
