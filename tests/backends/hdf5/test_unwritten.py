"""Rows that were never written are said, once a dataset; rows of zeros that were written are sound."""

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

ROWS = 64
SHAPES = {"features": (128,), "gaze": (2,), "label": ()}


def store(path, written, **options):
    rng = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        for name, shape in SHAPES.items():
            kind = "i8" if name == "label" else "f4"
            made = file.create_dataset(name, (ROWS, *shape), kind, chunks=(4, *shape), **options)
            values = rng.integers(0, 3, ROWS) if name == "label" else rng.normal(size=(ROWS, *shape))
            for start, stop in written:
                made[start:stop] = values[start:stop]
    return path


def said(report):
    return {(it.key, it.field, it.code, it.verdict) for it in report.findings}


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"shuffle": True, "fletcher32": True}])
@pytest.mark.parametrize("workers", [1, 2])
def test_rows_without_chunks_are_said_once_a_dataset_with_their_ranges(tmp_path, options, workers):
    path = store(tmp_path / "s.h5", [(0, 8), (12, 36), (40, 44)], **options)
    report = scan(path, workers=workers)
    first = next(iter(report.findings))
    assert said(report) == {(None, name, "unwritten", "suspicious") for name in SHAPES}
    assert [it.details["ranges"] for it in report.findings] == 3 * [[[8, 11], [36, 39], [44, 63]]]
    assert first.details["count"] == 28
    assert "rows 8 to 11, 36 to 39, 44 to 63 were never written (28 of 64)" in first.message
    assert (report.status, report.checked) == (0, ROWS)
    assert scan(path, strict=True).status == 1


def test_all_rows_written_are_clean_and_so_are_zeros(tmp_path):
    assert scan(store(tmp_path / "s.h5", [(0, ROWS)]), strict=True).status == 0
    with h5py.File(tmp_path / "zeros.h5", "w") as file:
        made = file.create_dataset("gaze", (ROWS, 2), "f4", chunks=(4, 2))
        made[:36] = np.random.default_rng(1).normal(size=(36, 2))
        made[36:] = 0
        file["label"] = np.arange(ROWS) % 3
    assert scan(tmp_path / "zeros.h5", strict=True).status == 0


def test_a_row_of_which_one_chunk_was_written_was_written(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        made = file.create_dataset("map", (8, 64), "f4", chunks=(1, 16))
        made[:, 16:32] = np.random.default_rng(1).normal(size=(8, 16))
    assert said(scan(tmp_path / "s.h5")) == set()


@pytest.mark.parametrize("missing", [[(2, 1)], [(0, 0), (2, 1), (2, 3)]])
def test_rows_of_which_nearly_all_chunks_were_written_are_said(tmp_path, missing):
    values = np.random.default_rng(1).normal(size=(40, 64))
    with h5py.File(tmp_path / "s.h5", "w") as file:
        made = file.create_dataset("map", (40, 64), "f4", chunks=(4, 16), fillvalue=-7)
        for band in range(10):
            for at in range(4):
                if (band, at) not in missing:
                    made[4 * band : 4 * band + 4, 16 * at : 16 * at + 16] = values[4 * band : 4 * band + 4, :16]
    (finding,) = scan(tmp_path / "s.h5").findings
    assert (finding.code, finding.verdict, finding.details["chunks"]) == ("unwritten", "suspicious", len(missing))
    assert finding.details["ranges"] == [[4 * it, 4 * it + 3] for it in sorted({band for band, _ in missing})]
    verb = "was" if len(missing) == 1 else "were"
    assert f"{len(missing)} of 40 chunks {verb} never written, of rows" in finding.message


@pytest.mark.parametrize("chunks", [None, (4, 2)])
def test_a_dataset_that_was_made_and_never_filled(tmp_path, chunks):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["label"] = np.arange(ROWS) % 3
        file.create_dataset("gaze", (ROWS, 2), "f4", chunks=chunks)
    report = scan(tmp_path / "s.h5")
    assert said(report) == {(None, "gaze", "unwritten", "suspicious")}
    assert "made and never filled" in next(iter(report.findings)).message


@pytest.mark.parametrize("chunks", [None, (4,)])
def test_pictures_of_which_none_was_written_are_bad(tmp_path, chunks):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["label"] = np.arange(ROWS) % 3
        file.create_dataset("image", (ROWS,), h5py.vlen_dtype(np.uint8), chunks=chunks)
    report = scan(tmp_path / "s.h5")
    assert said(report) == {(None, "image", "unwritten", "suspicious"), (None, "image", "empty", "bad")}
    assert report.status == 1


def test_ragged_rows_that_were_never_written_are_not_empty_ones_too(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        made = file.create_dataset("signal", (ROWS,), h5py.vlen_dtype("f4"), chunks=(4,))
        for row in range(60):
            made[row] = np.arange(5.0) + row
    assert said(scan(tmp_path / "s.h5")) == {(None, "signal", "unwritten", "suspicious")}


def test_a_dimension_without_values_is_no_dataset_that_was_never_filled(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(ROWS, 3))
        file.create_dataset("time", (ROWS,), "f4").make_scale("This is a netCDF dimension but not a netCDF variable")
    assert said(scan(tmp_path / "s.h5", strict=True)) == set()


def test_a_file_that_was_cut_does_not_tell_what_was_never_written(tmp_path):
    path = store(tmp_path / "s.h5", [(0, ROWS)])
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    assert "unwritten" not in {it.code for it in scan(path).findings}


def test_bounds_hold_of_rows_that_were_never_written_too(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        made = file.create_dataset("data", (8, 3), "f4", chunks=(4, 3), fillvalue=np.nan)
        made[:4] = 1
    assert scan(tmp_path / "s.h5").counts["nan"] == 4
    with h5py.File(tmp_path / "l.h5", "w") as file:
        made = file.create_dataset("label", (8,), "i4", chunks=(4,))
        made[:4] = [1, 2, 3, 1]
    assert scan(tmp_path / "l.h5", labels="1:3").counts["label"] == 4


def test_a_copy_keeps_its_rows(tmp_path):
    path = store(tmp_path / "s.h5", [(0, 36)])
    with h5py.File(path, "a") as file:
        file["gaze"][3] = np.nan
    assert rebuild(path, tmp_path / "copy.h5", drop_bad=True).dropped == 1
    assert scan(tmp_path / "copy.h5").status == 0
