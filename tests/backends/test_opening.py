"""Test the sentences about files that may not be read, or are gone when they are needed."""

import h5py
import numpy as np
import pytest
from building import raw_records, write_lmdb

import datacheck
from datacheck.backends import open_store
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.caffe.net_sources import net_sources
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable, UsageError
from datacheck.netscan.layer_checks import check_tops
from datacheck.netscan.source_probe import TopDataset


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            PermissionError(13, "Permission denied", "/mnt/data.mdb"),
            "/mnt/data.mdb: may not be read: permission denied",
        ),
        (OSError(5, "Input/output error", "/mnt/data.mdb"), "/mnt/data.mdb: may not be read: Input/output error"),
        (PermissionError(13, "Permission denied"), "env: may not be read: permission denied"),
        (OSError(116, "Stale file handle"), "env: may not be read: Stale file handle"),
    ],
)
def test_a_store_that_may_not_be_read_is_said_with_its_file(tmp_path, monkeypatch, error, said):
    path = write_lmdb(tmp_path / "env", raw_records(3))

    def refuse(path, options):
        raise error

    monkeypatch.setattr(LmdbReader, "recognise", refuse)
    with pytest.raises(SourceUnreadable) as caught:
        open_store(path)
    assert str(caught.value).endswith(said)


def test_what_is_asked_for_and_is_not_there(tmp_path):
    with pytest.raises(SourceMissing):
        open_store(tmp_path / "nothing")
    with pytest.raises(UsageError, match="no backend is called 'zip'; there are lmdb, leveldb, hdf5"):
        open_store(tmp_path, "zip")
    (tmp_path / "text").write_text("words")
    with pytest.raises(SourceUnknown, match="is not a store that the backend hdf5 reads"):
        open_store(tmp_path / "text", "hdf5")


def test_a_file_that_is_replaced_after_the_layout_was_made_is_a_finding(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(1, 30)
    reader = Hdf5Reader.recognise(path, StoreOptions())
    shards = reader.layout().shards
    path.write_bytes(b"something else")
    found = [finding for shard in shards for block in reader.blocks(shard) for _, finding in block.findings]
    assert [it.verdict for it in found] == ["bad"]
    assert found[0].code in ("damaged-store", "truncated-store")


AXES = (1,) * 32
LARGEST = (1 << 31) - 1
NET = """
layer { type: "HDF5Data" top: "data" top: "label" hdf5_data_param { source: "list" batch_size: 4 } }
"""


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        (TopDataset(AXES, "H5T_FLOAT"), None),
        (TopDataset((1, *AXES), "H5T_FLOAT"), ("shape", "the dataset has 33 axes; a blob holds at most 32")),
        (TopDataset((1, LARGEST), "H5T_INTEGER"), None),
        (
            TopDataset((1, LARGEST + 1), "H5T_INTEGER"),
            ("too-large", f"the dataset has {LARGEST + 1} values; Caffe loads a file as one blob of at most {LARGEST}"),
        ),
        (TopDataset((0, 4), "H5T_FLOAT"), ("missing", "the dataset has 0 rows")),
        (TopDataset((), "H5T_FLOAT"), ("shape", "the dataset has no axes")),
        (
            TopDataset((4,), "H5T_STRING"),
            ("wrong-format", "the dataset is of class H5T_STRING; Caffe reads H5T_FLOAT and H5T_INTEGER"),
        ),
        (TopDataset(missing="there is none"), ("missing", "there is none")),
    ],
)
def test_what_caffe_takes_for_the_dataset_of_a_top(dataset, said):
    (source,) = net_sources(parse_prototxt("net.prototxt", NET), ("TRAIN",))
    rows = dataset.shape[0] if dataset.shape else 1
    findings = list(check_tops(source, ["a.h5"], [[dataset, TopDataset((rows,), "H5T_FLOAT")]]))
    told = [(it.code, it.message) for file, it in findings if it.field == "data" and file == "a.h5"]
    assert told == ([] if said is None else [said])
    assert all(it.verdict == "bad" for _, it in findings)


def test_a_scan_of_what_may_not_be_read_raises_the_same(tmp_path, monkeypatch):
    path = write_lmdb(tmp_path / "env", raw_records(3))

    def refuse(path, options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(LmdbReader, "recognise", refuse)
    with pytest.raises(SourceUnreadable, match="env: may not be read: permission denied"):
        datacheck.scan(path)
