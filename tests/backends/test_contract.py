"""Test that every row of BACKENDS keeps the contract of readers, and names what is wrong with its records."""

import h5py
import numpy as np
import pytest
from building import datum, floats, key, pixels, raw_records, write_lmdb

import datacheck
from datacheck.backends import BACKENDS, open_store
from datacheck.backends.interface import Sparing, WithDatabases
from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.testing.readers import ReaderContract

COUNT = 120


class TestLmdb(ReaderContract):
    backend = "lmdb"

    def write(self, path):
        return write_lmdb(path, raw_records(self.count))


class TestLevelDb(ReaderContract):
    backend = "leveldb"

    def write(self, path):
        write_leveldb(path, raw_records(self.count).items())
        return path


class TestHdf5(ReaderContract):
    backend = "hdf5"

    def write(self, path):
        with h5py.File(path, "w") as file:
            data = np.stack([floats(number, (3, 8, 8)) for number in range(self.count)])
            file.create_dataset("data", data=data, chunks=(7, 3, 8, 8), compression="gzip")
            file["label"] = np.arange(self.count) % 10
        return path


def test_every_backend_is_held_to_the_contract():
    assert {it.backend for it in (TestLmdb, TestLevelDb, TestHdf5)} == set(BACKENDS)


def test_an_lmdb_has_databases_and_passes_over_records(tmp_path):
    reader = open_store(write_lmdb(tmp_path / "store", raw_records(3), name=b"train", dupsort=True))
    assert isinstance(reader, WithDatabases)
    assert isinstance(reader, Sparing)
    assert reader.databases() == {"train": True}


KV_FAULTS = {
    "empty": b"",
    "truncated": datum(pixels(3), 3)[:100],
    "undecodable": b"garbage, not a Datum at all",
    "size-mismatch": datum(pixels(3), 3, shape=(3, 8, 9)),
    "shape": datum(pixels(3, (3, 8, 9)), 3),
    "label": datum(pixels(3), None),
    "constant": datum(np.zeros((3, 8, 8), np.uint8), 3),
    "trailing-data": datum(pixels(3), 3) + bytes(3),
    "nan": datum(np.full((3, 8, 8), np.nan, np.float32), 3),
}


@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
@pytest.mark.parametrize("workers", [1, 2])
def test_each_fault_planted_in_a_key_value_store_is_named(tmp_path, backend, workers):
    records = raw_records(COUNT)
    planted = {key(9 * (place + 1)): fault for place, fault in enumerate(KV_FAULTS)}
    records |= {at: KV_FAULTS[fault] for at, fault in planted.items()}
    if backend == "lmdb":
        write_lmdb(tmp_path / "store", records)
    else:
        write_leveldb(tmp_path / "store", records.items())
    report = datacheck.scan(tmp_path / "store", workers=workers)
    said = [(finding.key, finding.code) for finding in report.findings]
    extra = [(at.decode(), "wrong-format") for at, fault in planted.items() if fault == "nan"]
    assert said == sorted([(at.decode(), fault) for at, fault in planted.items()] + extra)


def test_each_fault_planted_in_hdf5_is_named(tmp_path):
    data = np.stack([floats(number, (3, 8, 8)) for number in range(COUNT)])
    label = (np.arange(COUNT) % 10).astype(np.float64)
    data[7, 1, 2, 3] = np.nan
    data[8, 0, 0, 0] = -np.inf
    data[9] = 4
    data[10, 2, 7, 7] = 1e5
    label[11] = np.nan
    label[12] = 10
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file["data"], file["label"] = data, label
        file["train/x"] = data
    report = datacheck.scan(tmp_path / "store.h5", labels=10)
    faults = {7: "nan", 8: "inf", 9: "constant", 10: "half-overflow", 11: "label", 12: "label"}
    assert [(finding.key, finding.code) for finding in report.findings] == [
        *((f"/[{row}]", code) for row, code in faults.items()),
        *((f"/train[{row}]", code) for row, code in faults.items() if code != "label"),
    ]
    assert [finding.index for finding in report.findings][:2] == [7, 8]
    assert [finding.index for finding in report.findings][-1] == COUNT + 10
