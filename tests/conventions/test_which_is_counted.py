"""Stores with records of several kinds, of which something counts one, and which are no parts of each other."""

import pytest
from convention_stores import picture, read, write, wrong

import datacheck

KINDS = {"classes of all": (60, 30), "texts of each": (60, 300), "many of both": (900, 100)}


def store(pictures, others, count=None):
    records = {b"image-%05d" % it: picture(it, (8, 8)) for it in range(pictures)}
    records |= {b"other-%05d" % it: b"of %d" % it for it in range(others)}
    return records | {b"length": b"%d" % (count or pictures)}


@pytest.mark.parametrize("numbers", KINDS.values(), ids=KINDS)
def test_the_count_stays_true_of_what_it_counts(numbers, tmp_path):
    pictures, others = numbers
    records = store(*numbers)
    assert wrong(datacheck.scan(write(tmp_path / "sound", records), workers=1)) == []
    records[b"image-00005"] = records[b"image-00005"][:150]
    source = write(tmp_path / "env", records)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (receipt.dropped, copy[b"length"]) == (1, b"%d" % (pictures - 1))
    assert copy[b"image-%05d" % (pictures - 2)] == records[b"image-%05d" % (pictures - 1)]
    assert [copy[b"other-%05d" % it] for it in range(others)] == [b"of %d" % it for it in range(others)]
    assert datacheck.scan(tmp_path / "copy", workers=1).status == 0


@pytest.mark.parametrize("numbers", KINDS.values(), ids=KINDS)
def test_one_that_is_not_there_is_missed_among_those_that_are_counted(numbers, tmp_path):
    records = store(*numbers)
    del records[b"image-00020"]
    [finding] = datacheck.scan(write(tmp_path / "env", records), workers=1).findings
    assert (finding.code, finding.verdict, finding.details["first"]) == ("dangling", "bad", ["image-00020"])


@pytest.mark.parametrize("numbers", KINDS.values(), ids=KINDS)
def test_a_count_that_is_not_true_names_the_number_that_it_is_near(numbers, tmp_path):
    source = write(tmp_path / "env", store(*numbers, count=numbers[0] + 3))
    [finding] = datacheck.scan(source, workers=1).findings
    assert finding.message == f"length says {numbers[0] + 3}, there are {numbers[0]}"
