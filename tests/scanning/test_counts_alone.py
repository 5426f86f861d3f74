"""Test a store that holds nothing but what is kept beside records."""

import pickle

import pytest
from building import write_lmdb

from datacheck import scan


@pytest.mark.parametrize(
    "records",
    [{b"length": b"0"}, {b"num-samples": b"0"}, {b"__len__": pickle.dumps(0)}, {b"num_examples": b"0"}],
    ids=lambda it: next(iter(it)).decode(),
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_count_of_nothing_is_nothing_to_train_on(records, workers, tmp_path):
    write_lmdb(tmp_path / "env", records)
    report = scan(tmp_path / "env", workers=workers)
    assert ([it.code for it in report.findings], report.status) == (["no-records"], 1)


def test_one_record_beside_its_count_is_one(tmp_path):
    write_lmdb(tmp_path / "env", {b"length": b"1", b"0": pickle.dumps({"x": 1.5})})
    assert [it.code for it in scan(tmp_path / "env", workers=1).findings] == []
