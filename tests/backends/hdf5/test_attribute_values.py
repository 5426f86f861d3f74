"""Attributes of samples that are NaN where those of the others are not: a box of a picture, the score of a demo."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.folders.file_families import FileShapes
from datacheck.backends.hdf5.samples import attribute_values
from datacheck.backends.hdf5.tables import Contents


def pictures(path, boxes=None, name="boxes", count=9):
    r = np.random.default_rng(4)
    with h5py.File(path, "w") as file:
        for number in range(count):
            data = file.create_dataset(
                f"data/street_{number}.jpg", data=r.integers(0, 256, (20 + number, 17, 3), np.uint8)
            )
            data.attrs[name] = r.normal(size=(2, 4, 3))
            if boxes is not None and number in boxes:
                data.attrs[name] = np.where(np.arange(24).reshape(2, 4, 3) == 7, boxes[number], 1.0)
    return path


def demos(path, score=None):
    r = np.random.default_rng(5)
    with h5py.File(path, "w") as file:
        for number in range(7):
            group = file.create_group(f"data/demo_{number}")
            group["actions"], group["obs/place"] = r.normal(size=(9 + number, 2)), r.normal(size=(9 + number, 3))
            group.attrs["score"] = np.float32(score if number == 4 and score is not None else 0.5)
    return path


@pytest.mark.parametrize(("value", "code"), [(np.nan, "nan"), (-np.inf, "inf")])
def test_a_picture_goes_with_its_box(tmp_path, value, code):
    assert datacheck.scan(pictures(tmp_path / "sound.h5"), workers=1).clean
    source = pictures(tmp_path / "a.h5", {3: value})
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.key, finding.code, finding.verdict) == ("/data/street_3.jpg", code, "bad")
    assert "the attribute boxes of /data/street_3.jpg: 1 of 24 values is" in finding.message
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert len(file["data"]) == 8
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


def test_a_demonstration_goes_with_its_score(tmp_path):
    assert datacheck.scan(demos(tmp_path / "sound.h5"), workers=1).clean
    source = demos(tmp_path / "a.h5", np.nan)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.key, finding.code, finding.details["sample"]) == (None, "nan", "/data/demo_4")
    receipt = datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert receipt.samples == ["/data/demo_4"]
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


@pytest.mark.parametrize(
    ("boxes", "name"),
    [
        (dict.fromkeys(range(9), np.nan), "boxes"),
        (dict.fromkeys(range(5), np.nan), "boxes"),
        ({3: np.nan}, "_FillValue"),
        ({3: np.nan}, "missing_value"),
        ({3: np.nan}, "valid_max"),
    ],
    ids=["all", "half of them", "fill", "missing", "valid"],
)
def test_what_may_be_nan_is_sound(tmp_path, boxes, name):
    assert list(datacheck.scan(pictures(tmp_path / "a.h5", boxes, name), workers=1).findings) == []


def test_attributes_of_what_is_no_sample_are_not_judged(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at, name in enumerate(("x", "z", "u", "v", "w")):
            file[name] = np.random.default_rng(at).normal(size=30)
            file[name].attrs["offset"] = np.nan if name == "u" else 1.0
    assert list(datacheck.scan(tmp_path / "a.h5", workers=1).findings) == []


def episodes(folder, name="goal", odd=None, *, called="episode", count=8):
    """Write files of one episode each; the attribute of those in `odd` holds something else than a number."""
    folder.mkdir()
    for number in range(count):
        r = np.random.default_rng(number)
        with h5py.File(folder / f"{called}_{number}.hdf5", "w") as file:
            rows = 9 + number % 3
            file["action"], file["observations/qpos"] = r.normal(size=(rows, 3)), r.normal(size=(rows, 4))
            file.attrs[name] = r.normal(size=3)
            if odd is not None and number in odd:
                file.attrs[name] = np.array([1, odd[number], 2])
    return folder


@pytest.mark.parametrize(("value", "code"), [(np.nan, "nan"), (np.inf, "inf")])
def test_a_file_goes_with_its_attribute(tmp_path, value, code):
    assert datacheck.scan(episodes(tmp_path / "sound"), workers=1).clean
    source = episodes(tmp_path / "a", odd={4: value})
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.key, finding.file, finding.code) == (None, "episode_4.hdf5", code)
    assert finding.message.startswith("the attribute goal of /: 1 of 3 values is")
    receipt = datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert receipt.samples == ["episode_4.hdf5"]
    assert len(list((tmp_path / "b").iterdir())) == 7
    assert datacheck.scan(tmp_path / "b", workers=1).clean


def test_of_a_file_that_is_no_sample_it_stays_in_the_copy(tmp_path):
    source = episodes(tmp_path / "a", odd={4: np.nan}, called="part")
    assert [it.file for it in datacheck.scan(source, workers=1).findings] == ["part_4.hdf5"]
    receipt = datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert (receipt.dropped, [it.code for it in receipt.lost]) == (0, ["nan"])


@pytest.mark.parametrize(
    ("name", "odd", "count"),
    [
        ("fill_value", {4: np.nan}, 8),  # it says what stands for no value
        ("goal", dict.fromkeys(range(8), np.nan), 8),  # all of them
        ("goal", dict.fromkeys(range(3), np.nan), 8),  # a part of them as a rule
        ("goal", {1: np.nan}, 3),  # two others tell nothing
    ],
)
def test_attributes_of_files_that_are_no_numbers_by_design_are_sound(tmp_path, name, odd, count):
    assert datacheck.scan(episodes(tmp_path / "a", name, odd, count=count), workers=1).clean


def test_files_of_another_kind_tell_nothing(tmp_path):
    source = episodes(tmp_path / "a")
    with h5py.File(source / "statistics.hdf5", "w") as file:
        file["mean"] = np.arange(6.0).reshape(2, 3)
        file.attrs["goal"] = np.nan
    assert datacheck.scan(source, workers=1).clean


@pytest.mark.parametrize(
    ("odd", "count", "verdict"),
    [(1, 4, "suspicious"), (1, 7, "bad"), (2, 9, "suspicious"), (3, 40, "suspicious"), (2, 40, "bad")],
)
def test_fewer_than_nearly_all_that_are_finite_make_the_others_suspicious(tmp_path, odd, count, verdict):
    its = dict.fromkeys(range(1, 1 + odd), np.nan)
    for source in (pictures(tmp_path / "a.h5", its, count=count), episodes(tmp_path / "b", odd=its, count=count)):
        assert [it.verdict for it in datacheck.scan(source, workers=1).findings] == [verdict] * odd


@pytest.mark.parametrize(("count", "code", "verdict"), [(90, "nan", "bad"), (1100, "unsupported", "unverifiable")])
def test_an_attribute_beyond_many_others_of_a_file_is_judged_or_named(tmp_path, count, code, verdict):
    source = episodes(tmp_path / "a")
    last = f"a{count - 1:04}"
    for number in range(8):
        with h5py.File(source / f"episode_{number}.hdf5", "a") as file:
            for at in range(count):
                file.attrs[f"a{at:04}"] = 1.0
    assert datacheck.scan(source, workers=1).clean
    with h5py.File(source / "episode_4.hdf5", "a") as file:
        file.attrs[last] = np.nan
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.file, finding.code, finding.verdict) == ("episode_4.hdf5", code, verdict)
    assert last in finding.message


def test_files_that_differ_in_more_attributes_than_are_kept_are_counted(monkeypatch):
    monkeypatch.setattr(attribute_values, "KEPT", 2)
    its = attribute_values.AttributesOfFiles()
    for number, nan in enumerate((0, 0, 0, 1)):
        of = (b"goal", nan, 0, 3), (b"start", 0, 0, 3)
        its.add(number, Contents((), (), (), (), attributes=of))
    (finding,) = its.findings(["a", "b", "c", "d"], FileShapes())
    assert (finding.verdict, finding.details["files"]) == ("unverifiable", 1)
