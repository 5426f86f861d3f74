"""Files that end within texts of fixed length, or within rows of bytes: the rows that are left can be copied."""

import os

import h5py
import numpy as np
import pytest

import datacheck

ROWS = 60
VALUES = {
    "texts": np.array(["".join(np.random.default_rng(it).choice(list("ACGT"), 200)) for it in range(ROWS)], "S"),
    "bytes": np.random.default_rng(0).integers(0, 2, (ROWS, 200)).astype("u1"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_the_rows_before_the_end_are_kept(tmp_path, kind):
    with h5py.File(path := tmp_path / "datafile_train.h5", "w") as file:
        file["CHROM"], file["SEQ"] = np.array([b"chr1"] * ROWS), VALUES[kind]
        end = file["SEQ"].id.get_offset() + 31 * 200 + 17
    os.truncate(path, end)
    report = datacheck.scan(path, workers=1)
    assert (report.complete, report.counts, report.bad) == (True, {"truncated-store": ROWS - 31 + 1}, ROWS - 31 + 1)
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert (len(file["CHROM"]), (file["SEQ"][:] == VALUES[kind][:31]).all()) == (31, True)
