"""Test counts of samples of several records in stores with fewer samples than show a rule."""

import pytest
from convention_stores import picture, write

import datacheck

NAMES = [b"356a192b", b"da4b9237", b"77de68da", b"1b645389", b"ac3478d6"]


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("endings", [(b".jpg", b".png"), (b"_rgb", b"_depth")])
def test_a_count_of_few_samples_is_true(tmp_path, number, endings):
    records = {name + it: picture(at) for at, name in enumerate(NAMES[:number]) for it in endings}
    report = datacheck.scan(write(tmp_path / "store", records | {b"num_samples": b"%d" % number}), workers=1)
    assert (report.status, list(report.findings)) == (0, [])


@pytest.mark.parametrize("number", [2, 3, 5])
def test_not_every_one_of_few_pictures_needs_a_mask(tmp_path, number):
    records = {name + b".png": picture(at) for at, name in enumerate(NAMES[:number])}
    records |= {name + b"_mask.png": picture(at) for at, name in enumerate(NAMES[1:number])}
    report = datacheck.scan(write(tmp_path / "store", records | {b"num_samples": b"%d" % number}), workers=1)
    assert (report.status, list(report.findings)) == (0, [])


def test_a_part_that_few_samples_need_is_missed(tmp_path):
    records = {name + it: picture(at) for at, name in enumerate(NAMES) for it in (b"_rgb", b"_depth")}
    del records[NAMES[3] + b"_depth"]
    assert datacheck.scan(write(tmp_path / "store", records | {b"num_samples": b"5"}), workers=1).status == 1


def test_a_copy_drops_the_other_part_and_counts_what_is_left(tmp_path):
    records = {name + it: picture(at) for at, name in enumerate(NAMES) for it in (b"_rgb", b"_depth")}
    records[NAMES[3] + b"_depth"] = b"\xff\xd8\xff\xe0 no picture"
    source = write(tmp_path / "store", records | {b"num_samples": b"5"})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert receipt.kept == 9
    assert datacheck.scan(tmp_path / "copy", workers=1).status == 0
