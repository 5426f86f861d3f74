"""Test what a scan's processes load: the caller opens no store, and a worker has all that its kind of store needs."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
from building import raw_records, write_lmdb
from telling_job import Telling

from datacheck.backends import open_store
from datacheck.backends.hdf5.structure.superblock import SIGNATURE
from datacheck.decoders import DECODERS
from datacheck.scanning import loaded_for_pairs
from datacheck.scanning.loading import HDF5_SIGNATURE, PAIRS, TABLES, loading
from datacheck.scanning.profile.taking import Probe, TakeProfile
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import Check, TakeLayout
from datacheck.workers.pool import Pool
from datacheck.workers.process import start_ahead

MEMORY = 1 << 30
LIBRARIES = {
    "numpy",
    "h5py",
    "hdf5plugin",
    "google_crc32c",
    "cramjam",
    "deflate",
    "PIL",
    "simplejpeg",
    "multiprocessing",
}
SCAN = """
import sys
sys.argv[:] = ["datacheck", "scan", *sys.argv[1:]]
from datacheck.__main__ import main
try:
    main()
except SystemExit as end:
    print(end.code, *sys.modules)
"""
KINDS = ("lmdb", "leveldb", "hdf5")


def store(folder, kind):
    """Write a store whose name does not show its kind."""
    path = folder / "store"
    if kind == "lmdb":
        return write_lmdb(path, raw_records(60))
    if kind == "leveldb":
        plyvel = pytest.importorskip("plyvel", reason="plyvel, which writes a LevelDB with tables, is not installed")
        with plyvel.DB(str(path), create_if_missing=True, compression=None) as db:
            for key, value in raw_records(60).items():
                db.put(key, value)
            db.compact_range()
        return path
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
        file["label"] = np.arange(60) % 10
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_the_caller_of_a_scan_loads_nothing_that_reads_stores(tmp_path, kind):
    path = store(tmp_path, kind)
    done = subprocess.run(
        [sys.executable, "-c", SCAN, "--quiet", path], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    status, *modules = done.stdout.split()
    assert (status, done.stderr) == ("0", "")
    assert "datacheck.scanning.run" in modules
    assert LIBRARIES.isdisjoint(modules)
    others = [it for it in KINDS if it != kind and (it, kind) != ("lmdb", "hdf5")]
    assert not [it for it in modules for other in others if it == f"datacheck.backends.{other}.reader"]


@pytest.mark.own_workers
@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_has_what_its_kind_of_store_needs_and_nothing_of_the_others(tmp_path, kind):
    path = store(tmp_path, kind)
    reader = open_store(path)
    close = start_ahead(MEMORY, loading([str(path)]))
    try:
        with Pool(Telling(reader, make()), 1, MEMORY) as pool:

            def told(task):
                ((_, result),) = pool.run([task])
                return result

            there = {it for it in ("h5py", "lmdb", "google_crc32c", "datacheck.conventions.projects.ocr") if told(it)}
            assert (
                there
                == {
                    "lmdb": {"lmdb", "datacheck.conventions.projects.ocr"},
                    "leveldb": {"google_crc32c", "datacheck.conventions.projects.ocr"},
                    "hdf5": {"h5py"},
                }[kind]
            )
            loaded, layout = told(TakeLayout())
            assert loaded == set()
            probes = tuple(Probe((it,)) for it in layout.probes)
            loaded, _ = told(TakeProfile(probes, tuple(range(len(probes))), len(probes)))
            assert loaded == set()
            loaded, _ = told(Check(layout.shards[0], make_profile(reader)))
            assert loaded == set()
            assert not told("numpy.ma")
    finally:
        close()


def make_profile(reader):
    import datacheck

    return datacheck.scan(reader).profile


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("a.h5", "hdf5"), ("a/b.hdf5", "hdf5"), ("nothing", ""), ("", ""), ("\0", ""), ("/dev/null", "")],
)
def test_a_name_tells_a_kind_or_nothing(tmp_path, monkeypatch, name, kinds):
    monkeypatch.chdir(tmp_path)
    of_kind = [f"datacheck.backends.{kinds}.loaded_ahead"] if kinds else []
    assert loading([name]) == [TABLES if kinds else PAIRS, *of_kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_tells_its_kind_by_what_is_in_it(tmp_path, kind):
    path = store(tmp_path, kind)
    assert loading([str(path)]) == loading((), kind)
    assert f"datacheck.backends.{kind}.loaded_ahead" in loading([str(path), "nothing"])


def test_a_folder_of_hdf5_files_and_stores_of_several_kinds_are_told(tmp_path):
    (tmp_path / "rows").mkdir()
    with h5py.File(tmp_path / "rows" / "a.h5", "w"):
        assert loading([str(tmp_path / "rows")]) == loading((), "hdf5")
    other = write_lmdb(tmp_path / "pairs", raw_records(8))
    both = [PAIRS, *(f"datacheck.backends.{kind}.loaded_ahead" for kind in ("lmdb", "hdf5"))]
    assert loading([str(tmp_path / "rows"), str(other)]) == both


def test_the_signature_is_that_of_the_format():
    assert HDF5_SIGNATURE == SIGNATURE


def test_the_usual_decoder_is_loaded_for_pairs():
    assert DECODERS["datum"].decoder[0] in loaded_for_pairs.AHEAD
