"""Test names of columns in --ignore, and what is said of unknown records in a store without families."""

import h5py
import lmdb
import numpy as np

import datacheck


def test_the_findings_of_one_column_of_a_table_can_be_ignored(tmp_path):
    path = tmp_path / "rows.h5"
    rows = np.random.default_rng(0).standard_normal((2, 40, 3)).astype("f4")
    rows[0, 3, 1] = rows[1, 5, 2] = np.nan
    with h5py.File(path, "w") as file:
        file["train/x"], file["train/z"] = rows
        file["train/label"] = np.arange(40) % 3
    report = datacheck.scan(path, ignore=["nan:/train/x"])
    assert [(it.key, it.field) for it in report.findings if it.verdict == "bad"] == [("/train[5]", "z")]
    assert len(datacheck.scan(path, ignore=["nan:/train/label"]).findings) == 2


def test_records_without_other_families_are_not_called_the_other_ones(tmp_path):
    with lmdb.open(str(tmp_path / "env"), map_size=1 << 20) as env, env.begin(write=True) as transaction:
        for key in (b"a", b"b"):
            transaction.put(key, np.random.default_rng(key[0]).bytes(64))
    (finding,) = datacheck.scan(tmp_path / "env").findings
    assert finding.message == "no decoder knows the payload of the 2 records"
