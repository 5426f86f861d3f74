"""Samples of which each part is a dataset of one name: in groups beside each other, or in two files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 24


def part(seed, bad=None, lost=None, sizes=True):
    """Return the datasets of a group, a picture each, of which one holds a NaN and one is not there."""
    rng, made = np.random.default_rng(seed), {}
    for at in range(COUNT):
        values = rng.random((9 + at % 3 if sizes else 9, 8)).astype("f4")
        if at == bad:
            values[2, 2] = np.nan
        if at != lost:
            made[str(at)] = values
    return made


def write(path, groups):
    with h5py.File(path, "w") as file:
        for group, its in groups.items():
            for name, values in its.items():
                file[f"{group}/{name}"] = values
    return path


def left(path, group="/"):
    with h5py.File(path) as file:
        return sorted(map(int, file[group]))


@pytest.mark.parametrize("names", [("lr", "hr"), ("train_input", "train_target"), ("images", "masks")])
@pytest.mark.parametrize("sizes", [True, False])
def test_both_parts_of_a_sample_go(tmp_path, names, sizes):
    one, other = names
    path = write(tmp_path / "a.h5", {one: part(1, sizes=sizes), other: part(2, bad=7, sizes=sizes)})
    receipt = datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    for name in names:
        assert left(tmp_path / "copy.h5", name) == [it for it in range(COUNT) if it != 7]
    assert any("now lack 7" in it for it in receipt.unkept)
    assert datacheck.scan(tmp_path / "copy.h5").bad == 0


def test_a_part_that_is_not_there_is_named_and_the_other_one_goes(tmp_path):
    path = write(tmp_path / "a.h5", {"noisy": part(1, lost=5), "clean": part(2)})
    (finding,) = datacheck.scan(path).findings
    assert (finding.code, finding.message) == ("unpaired", "/*/5 lacks noisy, which most of the others have")
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert left(tmp_path / "copy.h5", "clean") == left(tmp_path / "copy.h5", "noisy")


@pytest.mark.parametrize("names", [("source", "target"), ("query", "passage"), ("low", "high")])
@pytest.mark.parametrize("lost", [5, COUNT - 1])
def test_parts_that_may_be_counted_apart_are_bad_only_with_a_gap(tmp_path, names, lost):
    one, other = names
    (finding,) = datacheck.scan(write(tmp_path / "a.h5", {one: part(1, lost=lost), other: part(2)})).findings
    assert (finding.code, finding.verdict) == ("unpaired", "bad" if lost == 5 else "suspicious")


@pytest.mark.parametrize("names", [("lr", "hr"), ("noisy", "clean"), ("train_input", "train_target")])
def test_the_last_part_of_a_certain_pair_is_bad_to_lack(tmp_path, names):
    one, other = names
    (finding,) = datacheck.scan(write(tmp_path / "a.h5", {one: part(1, lost=COUNT - 1), other: part(2)})).findings
    assert (finding.code, finding.verdict) == ("unpaired", "bad")


@pytest.mark.parametrize("names", [("train", "test"), ("cat", "dog"), ("lr_1", "hr_2")])
def test_groups_of_samples_of_their_own_lose_them_alone(tmp_path, names):
    one, other = names
    path = write(tmp_path / "a.h5", {one: part(1, lost=5), other: part(2, bad=7)})
    assert {it.code for it in datacheck.scan(path).findings} == {"nan"}
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert 7 in left(tmp_path / "copy.h5", one)


def test_the_last_one_leaves_no_gap(tmp_path):
    path = write(tmp_path / "a.h5", {"lr": part(1), "hr": part(2, bad=COUNT - 1)})
    assert datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True).unkept == []


def folder(path, **files):
    path.mkdir()
    for name, its in files.items():
        write(path / f"{name}.h5", {"/": its})
    return path


@pytest.mark.parametrize("more", [{}, {"val_input": part(3), "val_target": part(4)}])
@pytest.mark.parametrize("fault", ["bad", "lost"])
def test_a_sample_goes_from_both_files(tmp_path, fault, more):
    source = folder(tmp_path / "a", train_input=part(1), train_target=part(2, **{fault: 7}), **more)
    report = datacheck.scan(source)
    assert report.counts == {"nan": 1} if fault == "bad" else {"unpaired": 1}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    for name in ("train_input", "train_target"):
        assert left(tmp_path / "copy" / f"{name}.h5") == [it for it in range(COUNT) if it != 7]
    for name in more:
        assert left(tmp_path / "copy" / f"{name}.h5") == [*range(COUNT)]
    assert datacheck.scan(tmp_path / "copy").bad == 0


def test_files_with_few_names_in_common_are_no_pair(tmp_path):
    several = {str(int(name) + 9): values for name, values in part(2, bad=1).items()}
    source = folder(tmp_path / "a", train_input=part(1), train_target=several)
    assert datacheck.scan(source).counts == {"nan": 1}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert left(tmp_path / "copy" / "train_input.h5") == [*range(COUNT)]


def captioned(path, *, of="images", by="captions", count=5, rows=12):
    images = np.random.default_rng(3).random((rows, 3, 4, 4)).astype("f4")
    images[4, 0, 0, 0] = np.nan
    with h5py.File(path, "w") as file:
        file[of] = images
        file[by] = np.arange(count * rows * 6).reshape(-1, 6) % 91
    return path


def test_captions_that_follow_their_pictures_stop_a_copy(tmp_path):
    path = captioned(tmp_path / "a.h5")
    assert [it.code for it in datacheck.scan(path).findings] == ["nan"]
    with pytest.raises(datacheck.UsageError, match="/captions and /images have 5 rows of one for each of the other"):
        datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert not (tmp_path / "copy.h5").exists()


@pytest.mark.parametrize("names", [{"by": "vocabulary"}, {"of": "test_images", "by": "train_captions"}, {"count": 25}])
def test_what_has_nothing_to_do_with_the_pictures_stops_none(tmp_path, names):
    datacheck.rebuild(captioned(tmp_path / "a.h5", **names), tmp_path / "copy.h5", drop_bad=True)
    assert datacheck.scan(tmp_path / "copy.h5").bad == 0


def test_what_may_be_read_in_two_ways_is_said_once_and_in_short(tmp_path):
    rng = np.random.default_rng(5)
    words = {word: {str(it): rng.normal(size=50) for it in range(15)} for word in ("yes", "no", "up")}
    words["no"]["4"][9] = np.inf
    path = write(tmp_path / "a.h5", words)
    with pytest.raises(datacheck.UsageError) as raised:
        datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert "say which, with --convention per-sample" in str(raised.value)
    assert "has as many rows" not in str(raised.value)
    receipt = datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True, convention=["per-sample"])
    assert receipt.dropped == 1
