"""Test stores that real programs wrote: Caffe's are clean, faults planted in a copy are named, others are reported."""

import shutil

import h5py
import lmdb
import numpy as np
import pytest
from building import SHARED, fingerprint

import datacheck

REAL = SHARED / "real"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real stores is not here")

CAFFE = {
    "lmdb-caffe-raw": 300,
    "lmdb-caffe-encoded": 300,
    "lmdb-caffe-encoded-original": 60,
    "lmdb-caffe-fashion": 10_000,
    "leveldb-caffe-raw": 300,
    "leveldb-caffe-encoded": 300,
    "leveldb-mnist-test": 10_000,
    "hdf5-caffe": 20,
}


def copy(name, tmp_path):
    """Return a writable copy of a real store, which is read-only."""
    target = tmp_path / name
    shutil.copytree(REAL / name, target)
    for file in [target, *target.rglob("*")]:
        file.chmod(0o755)
    return target


def named(report):
    return [(finding.key, finding.code) for finding in report.findings]


@pytest.mark.parametrize(("name", "records"), CAFFE.items())
def test_what_caffe_wrote_is_clean_and_stays_as_it_is(name, records):
    before = fingerprint(REAL / name)
    report = datacheck.scan(REAL / name)
    assert (report.status, report.checked, report.bad, report.unverifiable) == (0, records, 0, 0)
    assert fingerprint(REAL / name) == before


@pytest.mark.parametrize(("name", "records"), [("leveldb-node-605k", 605_602), ("lmdb-rkv/ref_env_64", 50)])
def test_what_no_decoder_knows_is_read_in_full_and_undecided(name, records):
    report = datacheck.scan(REAL / name)
    assert (report.status, report.checked, report.bad, report.unverifiable) == (3, records, 0, records)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lmdb-rkv/ref_env_32", "32-bit machine"),
        ("not-an-lmdb-lfs-pointer", "git-lfs pointers"),
        ("not-a-leveldb-lfs-pointers", "is a git-lfs pointer"),
        ("mean-40x40.binaryproto", "is not an LMDB, LevelDB or HDF5 store"),
        ("logs", "holds no LMDB, LevelDB or HDF5 files"),
    ],
)
def test_what_is_no_store_is_refused_with_a_sentence_that_fits(name, reason):
    with pytest.raises(datacheck.SourceUnknown, match=reason):
        datacheck.scan(REAL / name)


def changes(value):
    """Return the broken forms of a raw Datum, by the code that each should get."""
    label = value.rindex(b"\x28")
    return {
        "empty": b"",
        "truncated": value[: len(value) // 2],
        "size-mismatch": value[:7] + b"\xbf\x25" + value[9 : label - 1] + value[label:],
        "label": value[:label] + value[label + 2 :],
        "undecodable": b"\x1f\x8b\x08" + value[3:],
        "trailing-data": value + b"\x00\x00",
    }


def test_faults_planted_in_a_copy_of_caffes_lmdb_are_named_and_nothing_else(tmp_path):
    path = copy("lmdb-caffe-raw", tmp_path)
    expected = []
    with lmdb.open(str(path), map_size=1 << 28) as environment, environment.begin(write=True) as transaction:
        keys = [bytes(at) for at, _ in transaction.cursor()]
        value = transaction.get(keys[0])
        for place, (code, broken) in enumerate(changes(value).items()):
            transaction.put(keys[40 * place + 7], broken)
            expected.append((keys[40 * place + 7].decode(), code))
    assert named(datacheck.scan(path)) == expected


def test_cut_jpegs_in_a_copy_of_caffes_lmdb_are_named_and_nothing_else(tmp_path):
    path = copy("lmdb-caffe-encoded", tmp_path)
    expected = []
    with lmdb.open(str(path), map_size=1 << 28) as environment, environment.begin(write=True) as transaction:
        for number, (at, value) in enumerate(list(transaction.cursor())):
            if number % 30 == 5:
                start = value.index(b"\xff\xd8\xff")
                end = value.rindex(b"\xff\xd9")
                middle = (start + end) // 2
                transaction.put(at, value[:middle] + bytes(end - middle) + value[end:])
                expected.append(at.decode())
    report = datacheck.scan(path)
    assert [at for at, _ in named(report)] == expected
    assert {code for _, code in named(report)} <= {"corrupt-image", "truncated"}


def test_a_flipped_bit_in_caffes_leveldb_costs_the_records_it_hit_and_says_so(tmp_path):
    path = copy("leveldb-mnist-test", tmp_path)
    table = path / "000007.sst"
    damaged = bytearray(table.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    table.write_bytes(damaged)
    report = datacheck.scan(path)
    (finding,) = report.findings
    assert (finding.key, finding.code, finding.details["file"]) == (None, "checksum", "000007.sst")
    first, last = int(finding.details["first_key"]), int(finding.details["last_key"])
    assert report.checked == 10_000 - (last - first)
    assert report.status == 1


def test_faults_planted_in_a_copy_of_caffes_hdf5_are_named_and_nothing_else(tmp_path):
    path = copy("hdf5-caffe", tmp_path)
    with h5py.File(path / "sample_data.h5", "r+") as file:
        file["data"][3, 1, 2, 3] = np.nan
        file["label"][7] = np.inf
    report = datacheck.scan(path)
    assert [(it.file, it.key, it.code) for it in report.findings] == [
        ("sample_data.h5", "/[3]", "nan"),
        ("sample_data.h5", "/[7]", "label"),
    ]
