"""Every filter that hdf5plugin brings is read, and a copy without some rows has it again, with the same options."""

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan
from datacheck.backends.hdf5.copying.filters import GIVEN, OPTIONAL, SPERR, restore_options, stable_properties

plugins = pytest.importorskip("hdf5plugin")
ROWS, SHAPE = 50, (64, 16)
FILTERS = {
    "bitshuffle": plugins.Bitshuffle(),
    "bitshuffle without lz4": plugins.Bitshuffle(cname="none"),
    "bitshuffle of 64": plugins.Bitshuffle(nelems=64, cname="lz4"),
    "bitshuffle with zstd": plugins.Bitshuffle(cname="zstd"),
    "blosc": plugins.Blosc(),
    "blosc with zstd": plugins.Blosc(cname="zstd", clevel=9, shuffle=plugins.Blosc.BITSHUFFLE),
    "blosc2": plugins.Blosc2(),
    "bzip2": plugins.BZip2(blocksize=5),
    "lz4": plugins.LZ4(),
    "lz4 in blocks": plugins.LZ4(nbytes=4096),
    "zstd": plugins.Zstd(clevel=9),
    "zfp": plugins.Zfp(reversible=True),
    "zfp by accuracy": plugins.Zfp(accuracy=0.01),
    "zfp by rate": plugins.Zfp(rate=8),
    "zfp by precision": plugins.Zfp(precision=10),
    "sz": plugins.SZ(absolute=0.01),
    "sz relative": plugins.SZ(relative=0.01),
    "sz pointwise": plugins.SZ(pointwise_relative=0.01),
    "sz3": plugins.SZ3(absolute=0.01),
    "sz3 by norm": plugins.SZ3(norm2=0.1),
    "sperr": plugins.Sperr(rate=16),
    "sperr absolute": plugins.Sperr(absolute=0.01),
    "sperr with missing values": plugins.Sperr(absolute=0.01, missing_value_mode=1),
    "fcidecomp": plugins.FciDecomp(),
}


def data_for(name):
    rng = np.random.default_rng(4)
    if name == "fcidecomp":
        return rng.integers(0, 200, (ROWS, *SHAPE)).astype("u1"), (1, *SHAPE)
    return rng.normal(size=(ROWS, *SHAPE)).cumsum(1).astype("f4"), (10, 32, 16)


@pytest.mark.parametrize("name", FILTERS)
def test_rows_leave_a_dataset_of_any_filter_and_the_rest_is_as_it_was(tmp_path, name):
    """First chunks stay whole, then some of their rows and a whole chunk go."""
    rows = [12, *range(20, 30), 49]
    path, copy = tmp_path / "store.h5", tmp_path / "copy.h5"
    values, chunks = data_for(name)
    weight = np.arange(ROWS, dtype="f4")
    weight[rows] = np.nan
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=chunks, **FILTERS[name])
        file["weight"] = weight
    report = scan(path, checks=["finite"], workers=1)
    assert [(it.key, it.code) for it in report.findings] == [(f"/[{row}]", "nan") for row in rows]
    receipt = rebuild(path, copy, drop_bad=True, checks=["finite"], workers=1)
    assert (receipt.written, receipt.dropped, receipt.unkept) == (True, len(rows), [])
    with h5py.File(path) as source, h5py.File(copy) as made:
        assert made["data"][:].tobytes() == np.delete(source["data"][:], rows, 0).tobytes()
        its = [it["data"].id.get_create_plist() for it in (source, made)]
        assert its[0].get_filter(0) == its[1].get_filter(0)
        assert made["data"].chunks == chunks
    assert scan(copy, checks=["finite"], workers=1).status == 0


@pytest.mark.parametrize("name", ["bitshuffle", "sz", "sz3", "zstd"])
def test_a_filter_among_others_keeps_its_place(tmp_path, name):
    path, copy = tmp_path / "store.h5", tmp_path / "copy.h5"
    values, chunks = data_for(name)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=chunks, fletcher32=True, **FILTERS[name])
        file["weight"] = np.r_[np.arange(ROWS - 1.0), np.nan]
    rebuild(path, copy, drop_bad=True, workers=1, checks=["finite"])
    with h5py.File(path) as source, h5py.File(copy) as made:
        its = [it["data"].id.get_create_plist() for it in (source, made)]
        assert [its[0].get_filter(at) for at in range(2)] == [its[1].get_filter(at) for at in range(2)]
        assert made["data"][:].tobytes() == source["data"][:-1].tobytes()


def test_options_of_another_version_of_a_filter_are_those_of_this_one():
    assert stable_properties(32008, 1, (0, 3, 4, 64, 2), b"bitshuffle 0.3") == stable_properties(
        32008, 1, (0, 4, 4, 64, 2), b"bitshuffle 0.4"
    )
    assert stable_properties(32008, 1, (0, 4, 4, 64, 2), b"") != stable_properties(32008, 1, (0, 4, 4, 64, 3), b"")
    assert stable_properties(1, 1, (4,), b"deflate") != stable_properties(1, 1, (9,), b"deflate")
    assert stable_properties(1, 1, (4,), b"deflate") != stable_properties(1, 0, (4,), b"deflate")


def test_nothing_is_done_to_filters_that_take_their_options_as_they_are():
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_shuffle()
    created.set_deflate(3)
    before = [created.get_filter(at) for at in range(2)]
    restore_options(created)
    assert [created.get_filter(at) for at in range(2)] == before
    created.set_filter(SPERR, 0, (1043, 7, 8, 32, 16))
    restore_options(created)
    assert created.get_filter(2)[:3] == (SPERR, OPTIONAL, (7,))
    assert set(GIVEN) == {32008, 32017, 32018, 32024, 32028}
