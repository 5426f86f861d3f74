"""Values of bins of a genome that are missing: divisors that hic2cool took over, and coverages of HiCExplorer."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datacheck import scan

BINS, CONTACTS = 60, 200
DRAW = np.random.default_rng(0)


def told(path):
    return {(it.code, it.field) for it in scan(path, workers=1).findings if it.verdict == "bad"}


def cooler(path, writer, **attributes):
    first = np.sort(DRAW.integers(0, BINS, CONTACTS))
    divisors = DRAW.uniform(0.1, 2, (2, BINS))
    divisors[0, [3, 17]], divisors[1, [3, 17]] = np.inf, np.nan
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "HDF5::Cooler", "generated-by": writer, "nbins": BINS, "nnz": CONTACTS})
        for name, value in attributes.items():
            file.attrs[name.replace("_", "-")] = value
        file["chroms/name"], file["chroms/length"] = np.array([b"chr1"]), np.array([600000])
        file["bins/chrom"], file["bins/start"] = np.zeros(BINS, "i4"), np.arange(BINS) * 10000
        file["bins/end"] = np.arange(1, BINS + 1) * 10000
        file["bins/VC"], file["bins/KR"] = divisors
        file["pixels/bin1_id"], file["pixels/count"] = first, DRAW.uniform(1, 50, CONTACTS)
        file["pixels/bin2_id"] = np.minimum(first + DRAW.integers(0, 9, CONTACTS), BINS - 1)
        file["indexes/bin1_offset"] = np.searchsorted(first, np.arange(BINS + 1))
        file["indexes/chrom_offset"] = np.array([0, BINS])
    return path


def test_divisors_of_masked_bins_are_infinite_in_files_of_hic2cool(tmp_path):
    path = cooler(tmp_path / "a.cool", "hic2cool-0.4.2")
    assert told(path) == set()
    with h5py.File(path, "a") as file:
        file["pixels/count"][7] = np.inf
    assert told(path) == {("inf", "count")}


def test_infinite_weights_of_other_coolers_are_bad(tmp_path):
    assert told(cooler(tmp_path / "a.cool", "cooler-0.9.1")) == {("inf", "VC")}


@pytest.mark.parametrize(("address", "bad"), [("https://github.com/mirnylab/cooler", set()), ("x", {("nan", "KR")})])
def test_early_coolers_have_only_the_address_of_the_project(tmp_path, address, bad):
    path = cooler(tmp_path / "a.cool", "hic2cool", format="", format_url=address)
    assert told(path) - {("inf", "VC")} == bad


def matrix(path, lacks=None):
    counts = DRAW.integers(0, 6, BINS)
    with h5py.File(path, "w") as file:
        file["intervals/chr_list"] = np.array([b"chr1"] * BINS)
        file["intervals/start_list"], file["intervals/end_list"] = np.arange(BINS) * 10, np.arange(BINS) * 10 + 10
        coverage = DRAW.uniform(0.1, 1, BINS)
        coverage[::3] = np.nan
        file["intervals/extra_list"] = coverage
        file["matrix/indptr"] = np.concatenate([[0], np.cumsum(counts)])
        file["matrix/indices"] = DRAW.integers(0, BINS, counts.sum())
        file["matrix/data"], file["matrix/shape"] = DRAW.uniform(1, 9, counts.sum()), np.array([BINS, BINS])
        if lacks:
            del file[lacks]
    return path


def test_coverage_of_hicexplorer_is_nan_where_none_was_computed(tmp_path):
    path = matrix(tmp_path / "a.h5")
    assert told(path) == set()
    with h5py.File(path, "a") as file:
        file["intervals/extra_list"][1] = np.inf
        file["matrix/data"][5] = np.nan
    assert {code for code, _ in told(path)} == {"inf", "nan"}


@pytest.mark.parametrize("lacks", ["intervals/chr_list", "matrix"])
def test_such_a_list_elsewhere_is_bad(tmp_path, lacks):
    assert ("nan", "extra_list") in told(matrix(tmp_path / "a.h5", lacks))
