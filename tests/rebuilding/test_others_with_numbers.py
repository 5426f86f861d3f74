"""Test records beside those that a store counts: masks move with their pictures; doubtful ones must be confirmed."""

import json

import pytest
from commanding import datacheck as command
from convention_stores import picture, read, write

import datacheck

NAMES = "image_# and may belong to these"


def pictures(count=60, bad=17):
    made = {b"image_%05d" % at: picture(at) for at in range(count)} | {b"length": b"%d" % count}
    return made | {b"image_%05d" % bad: b""}


def texts(name, numbers):
    return {b"%s_%05d" % (name, at): json.dumps({"of": f"number {at}", "x": at / 7}).encode() for at in numbers}


@pytest.mark.parametrize("bad", [17, 18])
def test_masks_of_some_pictures_stay_with_their_pictures(tmp_path, bad):
    source = write(tmp_path / "store", pictures(bad=bad) | texts(b"mask", range(0, 60, 3)))
    report = datacheck.scan(source)
    assert report.counts == {"empty": 1}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    left = [at for at in range(60) if at != bad]
    assert copy[b"length"] == b"59"
    assert [copy[b"image_%05d" % place] for place in range(59)] == [picture(at) for at in left]
    masks = {place: json.loads(copy[b"mask_%05d" % place])["of"] for place in range(59) if b"mask_%05d" % place in copy}
    assert masks == {place: f"number {at}" for place, at in enumerate(left) if at % 3 == 0}


@pytest.mark.parametrize("name", [b"mask", b"note"])
def test_what_may_be_theirs_is_not_parted_unasked(tmp_path, name):
    store = pictures() | texts(name, range(20))
    source = write(tmp_path / "store", store)
    done = command("rebuild", source, tmp_path / "copy", "--drop-bad")
    assert done.returncode == 2
    assert f"{name.decode()}_# have some of the numbers of {NAMES}" in done.stderr
    assert not (tmp_path / "copy").exists()
    datacheck.rebuild(source, tmp_path / "kept", drop_bad=True, renumber=False)
    assert sorted(read(tmp_path / "kept")) == sorted(store.keys() - {b"image_00017"})
    datacheck.rebuild(source, tmp_path / "closed", drop_bad=True, renumber=True)
    assert sorted(read(tmp_path / "closed")) == sorted(store.keys() - {b"image_00059"})


def test_nothing_is_asked_where_none_of_theirs_would_move(tmp_path):
    source = write(tmp_path / "store", pictures(bad=40) | texts(b"note", range(20)))
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert len(read(tmp_path / "copy")) == 80


@pytest.mark.parametrize(("name", "count"), [(b"caption", 300), (b"class", 20)])
def test_records_with_numbers_of_their_own_are_named(tmp_path, name, count):
    source = write(tmp_path / "store", pictures() | texts(name, range(count)))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert receipt.unkept == [f"{name.decode()}_# may name records of image_#, which have other numbers now"]
    assert len(read(tmp_path / "copy")) == 60 + count


def test_renumber_is_refused_where_no_number_tells_the_samples(tmp_path):
    store = {key: it for key, it in pictures().items() if key != b"length"} | texts(b"caption", range(300))
    source = write(tmp_path / "store", store)
    done = command("rebuild", source, tmp_path / "copy", "--drop-bad", "--renumber")
    assert done.returncode == 2
    assert "are not all of one numbering" in done.stderr
    assert (
        "those of caption_#, image_# with the same number belong together: if they do, add --convention" in done.stderr
    )


def test_masks_of_some_pictures_keep_theirs_where_nothing_counts_and_a_gap_is_named(tmp_path):
    store = {key: it for key, it in pictures().items() if key != b"length"} | texts(b"mask", range(0, 60, 3))
    source = write(tmp_path / "store", store)
    (said,) = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True).unkept
    assert said.startswith("the numbers in image_#, from 0 to 59 without a gap, now lack ")
    assert said.endswith("needs --renumber, and --convention dense if those of one number belong together")
    done = command("rebuild", source, tmp_path / "dense", "--drop-bad", "--renumber", "--convention", "dense")
    assert done.returncode == 0
    images = {it for it in read(tmp_path / "dense") if it.startswith(b"image")}
    assert images == {b"image_%05d" % it for it in range(59)}
