"""Test that a scan for duplicates resumes where it was killed, since its marks hold the values seen so far."""

import base64
import json
import zlib
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from building import datum, floats, key, write_lmdb
from killed_scans import Here, options, sources
from resumed_scans import interrupted_after, killed_again_and_again, without_times

import datacheck
from datacheck.comparing.checksum import checksum
from datacheck.reporting.marks import Passed


def value(number):
    """Return a record; one in 9 repeats an earlier one, and one in 21 has a NaN."""
    number = number // 9 * 4 if number % 9 == 5 else number
    array = floats(number)
    if number % 21 == 3:
        array[0, 1, number % 4] = np.nan
    return datum(array, number % 10)


def build_lmdb(path):
    write_lmdb(path, {key(number): value(number) for number in range(300)})
    write_lmdb(Path(f"{path}2"), {b"i" * (1 + number % 5) + b"%06d" % number: value(number) for number in range(200)})


def build_hdf5(path):
    path.mkdir()
    for number in range(8):
        with h5py.File(path / f"{number:02}.h5", "w") as file:
            file["data"] = np.stack([floats(row % 13 + 20 * (number % 3)) for row in range(20)])
            file["label"] = np.arange(20) % 10


BUILD = {"lmdb": build_lmdb, "hdf5": build_hdf5}


@pytest.mark.parametrize(("kind", "kills", "seed"), [("lmdb", 14, 3), ("hdf5", 6, 5)])
def test_a_scan_for_duplicates_that_is_killed_again_and_again_comes_to_the_same_report(tmp_path, kind, kills, seed):
    store, whole, report = tmp_path / "store", tmp_path / "whole.jsonl", tmp_path / "r.jsonl"
    BUILD[kind](store)
    kind += "+duplicates"
    datacheck.scan(sources(kind, str(store)), engine=Here, reports=[whole], workers=1, **options(kind))
    expected = without_times(whole)
    assert sum(it.get("code") == "duplicate" for it in expected) > 30

    for made in killed_again_and_again(kind, store, report, kills, seed):
        assert without_times(made) == expected


@pytest.fixture
def store(tmp_path):
    build_lmdb(tmp_path / "store")
    return str(tmp_path / "store")


def scan(store, report, calls=None, **more):
    (source, _) = sources("lmdb", store)
    return datacheck.scan(
        source, engine=Here, workers=1, resume=report, duplicates=True, progress=interrupted_after(calls), **more
    )


@pytest.fixture
def unfinished(store, tmp_path, monkeypatch):
    """The unfinished report of an interrupted scan."""
    monkeypatch.setattr("datacheck.scanning.earlier.resuming.MARK_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        scan(store, tmp_path / "r.jsonl", calls=8)
    return tmp_path / "r.jsonl.partial"


def test_duplicates_and_checksums_are_both_gone_on_with(store, tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.scanning.earlier.resuming.MARK_SECONDS", 0)
    sums = tmp_path / "sums"
    other = write_lmdb(tmp_path / "other", {key(number): value(number + number // 150) for number in range(303)})
    checksum(other, sums)
    with pytest.raises(KeyboardInterrupt):
        scan(store, tmp_path / "r.jsonl", calls=8, checksums=sums)
    report = scan(store, tmp_path / "r.jsonl", checksums=sums)
    whole = scan(store, tmp_path / "whole.jsonl", checksums=sums)
    assert without_times(tmp_path / "r.jsonl") == without_times(tmp_path / "whole.jsonl")
    assert (report.checksums, report.comparison) == (whole.checksums, whole.comparison)
    assert report.counts["duplicate"] > 10
    assert report.counts["changed"] > 100
    assert report.counts["lost"] == 3


def test_a_scan_that_looks_for_none_does_not_go_on_with_one_that_does(store, tmp_path, unfinished):
    (source, _) = sources("lmdb", store)
    with pytest.raises(datacheck.UsageError, match=r"other options \(--duplicates\)"):
        datacheck.scan(source, engine=Here, workers=1, resume=tmp_path / "r.jsonl")


def forge(unfinished, change, which=0):
    """Change what one of the marks in an unfinished report says about its first shard."""
    lines = unfinished.read_text().splitlines(keepends=True)
    at = [at for at, line in enumerate(lines) if '"mark":"reached"' in line][which]
    mark = json.loads(lines[at])
    raw = zlib.decompress(base64.b64decode(mark["data"]))
    passes = msgspec.msgpack.decode(raw, type=list[Passed])
    passes[0] = change(passes[0])
    data = base64.b64encode(zlib.compress(msgspec.msgpack.encode(passes))).decode()
    mark.update(data=data, check=zlib.crc32(data.encode()))
    unfinished.write_text("".join([*lines[:at], json.dumps(mark, separators=(",", ":")) + "\n", *lines[at + 1 :]]))


@pytest.mark.parametrize(
    "change",
    [
        {"count": 10**12},
        {"count": -1},
        {"keys": b""},
        {"lengths": b"\1\0\0\0"},
        {"lengths": -8},
        {"rows": b"\xff\xff\xff\xff"},
        {"rows": b"\0"},
        {"digests": b"\0" * 7},
        {"part": "elsewhere"},
    ],
)
def test_digests_that_are_not_of_the_records_are_refused_in_a_sentence(store, tmp_path, unfinished, change):
    def changed(it):
        made = msgspec.msgpack.decode(it.made)
        made["chunks"][0].update(change)
        return msgspec.structs.replace(it, made=msgspec.msgpack.encode(made))

    forge(unfinished, changed)
    with pytest.raises(datacheck.UsageError, match="delete it to start over"):
        scan(store, tmp_path / "r.jsonl")


@pytest.mark.parametrize(("which", "shard"), [(0, -1), (0, -(1 << 63)), (0, 1 << 40), (-1, 0)])
def test_shards_that_are_none_or_out_of_order_are_refused_in_a_sentence(store, tmp_path, unfinished, which, shard):
    forge(unfinished, lambda it: msgspec.structs.replace(it, shard=shard), which)
    with pytest.raises(datacheck.UsageError, match="delete it to start over"):
        scan(store, tmp_path / "r.jsonl")
