"""What every backend promises, tested once for all of them."""

import os
import pickle

import h5py
import numpy as np
import pytest
from building import datum, fingerprint, floats, key, pixels, raw_records, write_lmdb

import datacheck
from datacheck.backends import BACKENDS, StoreOptions, open_store
from datacheck.backends.leveldb_log_writer import create as write_leveldb
from datacheck.model import Block, Position, Shard

COUNT = 120


def store_of(backend, path):
    """Write a healthy store of COUNT records."""
    if backend == "lmdb":
        return write_lmdb(path, raw_records(COUNT))
    if backend == "leveldb":
        write_leveldb(path, raw_records(COUNT).items())
        return path
    with h5py.File(path, "w") as file:
        data = np.stack([floats(number, (3, 8, 8)) for number in range(COUNT)])
        file.create_dataset("data", data=data, chunks=(7, 3, 8, 8), compression="gzip")
        file["label"] = np.arange(COUNT) % 10
    return path


@pytest.fixture(params=BACKENDS)
def store(request, tmp_path):
    return request.param, store_of(request.param, tmp_path / "store")


def names(reader, shard, **options):
    return [block.name(row) for block in reader.blocks(shard, **options) for row in range(len(block))]


def every(reader, **options):
    return [name for shard in reader.layout().shards for name in names(reader, shard, **options)]


def test_a_store_is_recognised_by_what_lies_there(store):
    backend, path = store
    assert open_store(path).backend == backend
    assert open_store(path, backend).backend == backend
    for other in BACKENDS.keys() - {backend}:
        with pytest.raises(datacheck.SourceUnknown, match=f"the backend {other} reads"):
            open_store(path, other)


def test_a_reader_is_a_value(store):
    _, path = store
    reader = open_store(path)
    assert reader == open_store(path)
    assert pickle.loads(pickle.dumps(reader)) == reader


def test_every_record_comes_once_and_in_order(store):
    _, path = store
    found = every(open_store(path))
    assert len(found) == len(set(found)) == COUNT


@pytest.mark.parametrize("limit", [1, 7])
def test_a_limit_changes_the_blocks_and_nothing_else(store, limit):
    _, path = store
    reader = open_store(path)
    assert every(reader, limit=limit) == every(reader)
    assert all(len(block) <= limit for shard in reader.layout().shards for block in reader.blocks(shard, limit=limit))


def test_a_shard_divides_at_any_place(store):
    _, path = store
    reader = open_store(path)
    (shard,) = reader.layout().shards
    found = names(reader, shard)
    for at in (0, 1, 37, COUNT - 1):
        place = Position(at) if isinstance(_keys(reader, shard)[0], int) else Position(_keys(reader, shard)[at])
        behind = Position(place.key, 1)
        assert names(reader, shard.before(place)) == found[:at]
        assert names(reader, shard.since(place)) == found[at:]
        assert names(reader, shard.since(behind)) == found[at + 1 :]
        assert names(reader, shard.before(behind)) == found[: at + 1]


def _keys(reader, shard):
    blocks = reader.blocks(shard)
    return [at for block in blocks for at in (block.keys if isinstance(block, Block) else block.rows)]


def test_record_by_record_each_place_is_noted_and_has_a_name(store):
    _, path = store
    reader = open_store(path)
    (shard,) = reader.layout().shards
    noted = []
    for block in reader.blocks(shard, limit=1, note=lambda place, seen: noted.append((place, seen))):
        if len(block):
            place, seen = noted[-1]
            assert seen
            assert reader.name(shard, place, datacheck.found("crash", "")).key == block.name(0)


def test_one_record_is_found_by_its_name(store):
    _, path = store
    reader = open_store(path)
    found = every(reader)
    for name in (found[0], found[50], found[-1]):
        assert names(reader, reader.find(name)) == [name]
    assert reader.find("/[99999]") is None
    assert reader.find("nonsense") is None


def test_probes_lie_in_the_store(store):
    _, path = store
    reader = open_store(path)
    probes = reader.layout().probes
    assert 1 <= len(probes) <= 64
    found = every(reader)
    assert all(names(reader, probe)[0] in found for probe in probes)


def test_a_healthy_store_scans_clean(store):
    backend, path = store
    report = datacheck.scan(path)
    assert (list(report.findings), report.checked, report.status) == ([], COUNT, 0)
    assert report.source.backend == backend
    assert report.source.records == COUNT
    assert report.source.bytes > 1000


def test_the_source_stays_as_it_is_to_the_byte(store, tmp_path):
    backend, path = store
    before = fingerprint(path)
    datacheck.scan(path, workers=2, reports=[tmp_path / "r.json"])
    first = key(3).decode() if backend != "hdf5" else "/[3]"
    from datacheck.settings import make
    from datacheck.showing import look

    assert look(str(path), first, make(workers=1)).status == 0
    assert fingerprint(path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_may_only_be_read_is_read(store):
    _, path = store
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        file.chmod(0o555 if file.is_dir() else 0o444)
    assert datacheck.scan(path).clean


def test_a_shard_with_no_records_gives_none(store):
    _, path = store
    reader = open_store(path)
    (shard,) = reader.layout().shards
    place = Position(5) if isinstance(_keys(reader, shard)[0], int) else Position(key(5))
    assert names(reader, Shard(shard.part, place, place)) == []


def test_options_that_only_one_store_has_are_no_hindrance_to_the_others(store):
    _, path = store
    reader = open_store(path, options=StoreOptions(label_field="label"))
    assert len(every(reader)) == COUNT


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
