"""loom files, where a cell is a column: their lengths, and that nothing is taken out of them halfway."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from commanding import datacheck as command

import datacheck

GENES, CELLS = 12, 20


def loom(path, bad=None, **others):
    rng = np.random.default_rng(1)
    its = {
        "matrix": rng.poisson(2.0, (GENES, CELLS)).astype("f4"),
        "layers/spliced": rng.poisson(1.0, (GENES, CELLS)).astype("f4"),
        "row_attrs/Gene": np.array([b"g%d" % it for it in range(GENES)]),
        "row_attrs/Length": np.linspace(1, 2, GENES),
        "col_attrs/CellID": np.array([b"c%d" % it for it in range(CELLS)]),
        "col_attrs/Age": np.linspace(3, 9, CELLS),
    } | others
    if bad:
        its[bad][(4, 7)[: its[bad].ndim]] = np.nan
    with h5py.File(path, "w") as file:
        for name, values in its.items():
            file[name] = values
    return path


def test_a_sound_file_is_clean(tmp_path):
    assert list(datacheck.scan(loom(tmp_path / "a.loom")).findings) == []


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("col_attrs/Age", np.linspace(3, 9, CELLS - 2), "/col_attrs/Age has 18 values, and /matrix has 20 columns"),
        ("row_attrs/Length", np.ones(GENES + 1), "/row_attrs/Length has 13 values, and /matrix has 12 rows"),
        ("layers/spliced", np.eye(GENES), "/layers/spliced is 12 x 12, and /matrix is 12 x 20"),
    ],
)
def test_what_is_not_as_long_as_its_axis_is_named(tmp_path, name, values, said):
    findings = datacheck.scan(loom(tmp_path / "a.loom", **{name: values})).findings
    assert [(it.verdict, it.message) for it in findings if it.code == "row-count"] == [("bad", said)]


@pytest.mark.parametrize("bad", ["matrix", "layers/spliced", "col_attrs/Age", "row_attrs/Length"])
def test_neither_a_gene_nor_what_is_known_of_a_cell_goes_alone(tmp_path, bad):
    path = loom(tmp_path / "a.loom", bad)
    assert datacheck.scan(path).bad == 1
    with pytest.raises(datacheck.UsageError, match="columns of /matrix" if "col" in bad else "are genes"):
        datacheck.rebuild(path, tmp_path / "copy.loom", drop_bad=True)
    datacheck.rebuild(path, tmp_path / "copy.loom", fill=0)
    assert datacheck.scan(tmp_path / "copy.loom").bad == 0


def test_no_rebuild_is_printed_that_would_be_refused(tmp_path):
    path = loom(tmp_path / "a.loom", "matrix")
    result = command("scan", path, "--no-progress")
    assert result.returncode == 1
    assert "datacheck rebuild" not in result.stdout
    assert "no copy without them: a row of /matrix is a gene, and a column is a cell: neither goes alone; rebuild" in (
        result.stdout
    )
    assert datacheck.scan(path).convention_names == ["loom"]


def test_datasets_that_are_only_called_so_are_no_loom(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["matrix"], file["label"] = np.eye(20) * np.nan, np.arange(20) % 2
        file["matrix"][5:] = np.random.default_rng(1).normal(size=(15, 20))
    assert "datacheck rebuild" in command("scan", path, "--no-progress").stdout
