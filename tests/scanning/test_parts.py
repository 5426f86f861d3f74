"""Test one of N parts of a store: together the parts hold all records, each once."""

import h5py
import numpy as np
import pytest
from building import floats, key, write_lmdb
from killed_scans import Here
from worker_checks import Deadly

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.scanning.sampling import Part, rows_of


@pytest.mark.parametrize("of", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("shards", [1, 3, 24, 200])
def test_the_parts_are_all_records_each_once(of, shards):
    sizes = np.random.default_rng(shards).integers(0, 30, shards)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    seen = []
    for number in range(1, of + 1):
        for shard, (start, size) in enumerate(zip(starts, sizes.tolist(), strict=False)):
            rows = rows_of(Part(number, of), shard, shards, int(start), size)
            seen += [] if rows.skips else [int(start) + row for row in rows.rows(int(start), size)]
    assert sorted(seen) == list(range(int(starts[-1])))


@pytest.fixture
def store(tmp_path):
    """A store of bad records only, so that a report names all records that were checked."""
    path = tmp_path / "env"
    records = {key(number): floats(number).tobytes() for number in range(400)}
    return write_lmdb(path, {at: b"\x00\x00\xc0\x7f" + value[4:] for at, value in records.items()})


@pytest.mark.parametrize("shard_bytes", [None, 800])
def test_seven_nights_look_at_every_record_once(store, shard_bytes):
    seen = []
    for night in range(1, 8):
        report = datacheck.scan(
            LmdbReader(store, shard_bytes), array="f4", sample=f"1/7:{night}", engine=Here, workers=1
        )
        assert (report.tally.records, report.partial) == (400, True)
        assert report.checked == report.bad
        seen += report.bad_keys()
        assert list(report.bad_indices()) == [int(it) for it in report.bad_keys()]
    assert sorted(seen) == [f"{number:08}" for number in range(400)]


@pytest.mark.parametrize(
    ("shard_bytes", "deadly"), [(None, (61,)), (6000, (61, 62, 63)), (None, (0, 133, 399)), (6000, (300, 57, 200))]
)
def test_records_that_kill_leave_the_others_in_their_parts(store, shard_bytes, deadly):
    seen, killed = [], []
    check = Deadly(1, tuple(float(floats(it).ravel()[1]) for it in deadly))
    for night in range(1, 4):
        report = datacheck.scan(
            LmdbReader(store, shard_bytes), array="f4", sample=f"1/3:{night}", validators=[check], workers=2
        )
        assert report.tally.records == 400
        killed += [it.key for it in report.findings if it.code == "crash"]
        seen += report.bad_keys()
    assert sorted(killed) == [f"{number:08}" for number in sorted(deadly)]
    assert sorted(seen) == [f"{number:08}" for number in range(400)]


def test_of_hdf5_files_too(tmp_path):
    for number in range(5):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file["data"] = np.full((30, 4), np.nan, "f4")
    seen = []
    for night in range(1, 4):
        seen += datacheck.scan(tmp_path, sample=f"1/3:{night}", engine=Here, workers=1).bad_keys()
    assert len(seen) == len(set(seen)) == 150


def test_what_needs_every_record_is_said(tmp_path):
    records = {b"image-%09d" % number: floats(number).tobytes() for number in range(1, 41)}
    records |= {b"label-%09d" % number: b"word" for number in range(1, 41)}
    path = write_lmdb(tmp_path / "ocr", {**records, b"num-samples": b"40"})
    report = datacheck.scan(path, array="image-#=f4", sample="1/2:1", engine=Here, workers=1)
    assert "dangling" not in report.counts
    assert "count" not in report.counts
    assert "not judged, since that needs every record: what it keeps beside them (ocr)" in str(report)


@pytest.mark.parametrize("text", ["1/7", "2/7:1", "1/7:0", "1/7:8", "1/0:0", "1/7:-1", "1/:3", "/"])
def test_what_is_no_part_is_refused(store, text):
    with pytest.raises(datacheck.UsageError, match=r"a part is 1/N:K, the Kth of N, as in 1/7:3"):
        datacheck.scan(store, sample=text)
