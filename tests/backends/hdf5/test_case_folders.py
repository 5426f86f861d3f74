"""Folders of a few HDF5 files each that are a sample: their files stand or fall together."""

import h5py
import numpy as np
import pytest

import datacheck

LAYOUTS = {
    "parts": ("case_{0:03}/image.h5", "case_{0:03}/label.h5"),
    "numbers of the case in the names": ("Patient{0}/{0}_image.h5", "Patient{0}/{0}_label.h5"),
    "numbers of the part in the names": ("train/case{0:02}/T1.h5", "train/case{0:02}/T2.h5"),
}


def write(root, layout, count=12, *, nan=(), without=(), shorter=()):
    for case in range(count):
        for at, name in enumerate(LAYOUTS[layout]):
            if (case, at) in without:
                continue
            path = root / name.format(case)
            path.parent.mkdir(parents=True, exist_ok=True)
            values = np.random.default_rng(2 * case + at).normal(size=(6 + case, 8, 8)).astype("f4")
            if (case, at) in nan:
                values[3, 2, 1] = np.nan
            with h5py.File(path, "w") as file:
                file["data"] = values[:-1] if (case, at) in shorter else values
    return root


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sound_cases_are_clean(tmp_path, layout):
    report = datacheck.scan(write(tmp_path / "set", layout))
    assert report.clean
    assert not report.findings


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("drop_rows", [False, True])
def test_a_case_goes_as_a_whole(tmp_path, layout, drop_rows):
    source = write(tmp_path / "set", layout, nan=[(5, 0)])
    names = [it.format(5) for it in LAYOUTS[layout]]
    (source / names[0]).with_name("notes.txt").write_text("of this case")
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, drop_rows=drop_rows)
    assert receipt.dropped == 22
    assert not (tmp_path / "copy" / names[0]).parent.exists()
    left = {it.relative_to(source) for it in source.rglob("*.h5")} - {*map(type(source), names)}
    assert {it.relative_to(tmp_path / "copy") for it in (tmp_path / "copy").rglob("*.h5")} == left
    assert datacheck.scan(tmp_path / "copy").clean


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_case_without_a_part_is_named_and_dropped(tmp_path, layout):
    source = write(tmp_path / "set", layout, without=[(7, 1)])
    (finding,) = datacheck.scan(source).findings
    assert (finding.code, finding.verdict, finding.file) == ("unpaired", "bad", LAYOUTS[layout][0].format(7))
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert not (tmp_path / "copy" / finding.file).parent.exists()
    assert datacheck.scan(tmp_path / "copy").clean


def test_parts_of_other_lengths_are_named(tmp_path):
    (finding,) = datacheck.scan(write(tmp_path / "set", "parts", shorter=[(4, 1)])).findings
    assert (finding.code, finding.file) == ("row-count", "case_004/image.h5")


@pytest.mark.parametrize("folder", ["part_{0}", "batch{0}", "2024-0{0}"])
def test_folders_of_pieces_are_no_samples(tmp_path, folder):
    for at in range(6):
        for name in ("a", "b") if at != 3 else ("a",):
            path = tmp_path / "set" / folder.format(at) / f"{name}.h5"
            path.parent.mkdir(parents=True, exist_ok=True)
            with h5py.File(path, "w") as file:
                file["data"] = np.random.default_rng(at).normal(size=(6 + at, 4)).astype("f4")
    assert not datacheck.scan(tmp_path / "set").findings
