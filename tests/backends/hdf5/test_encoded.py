"""What anndata's attributes say of a file, held against what is there."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

CELLS, GENES = 30, 12
TEXT = h5py.string_dtype()


def encode(at, kind, **attributes):
    at.attrs["encoding-type"], at.attrs["encoding-version"] = kind, "0.2.0"
    for name, value in attributes.items():
        at.attrs[name.replace("_", "-", 1) if name != "_index" else name] = value
    return at


def matrix(above, name, rows, columns, kind="csr_matrix"):
    major, minor = (rows, columns) if kind == "csr_matrix" else (columns, rows)
    group = encode(above.create_group(name), kind, shape=np.array([rows, columns]))
    group["data"], group["indices"] = np.ones(major * 2, "f4"), np.tile([0, minor - 1], major).astype("i4")
    group["indptr"] = np.arange(major + 1, dtype="i4") * 2


def frame(above, name, rows, columns):
    names = np.array([*columns], TEXT) if columns else np.empty(0, TEXT)
    group = encode(above.create_group(name), "dataframe", _index="_index", column_order=names)
    group.create_dataset("_index", data=[f"{name}{at}" for at in range(rows)], dtype=TEXT)
    for column, values in columns.items():
        if isinstance(values, np.ndarray):
            group[column] = values
            continue
        kind, parts = values
        below = encode(group.create_group(column), kind)
        for part, held in parts.items():
            below[part] = held


def cells(rows=CELLS):
    return {
        "score": np.linspace(0, 1, rows),
        "type": ("categorical", {"codes": np.arange(rows, dtype="i1") % 3, "categories": np.array([b"a", b"b", b"c"])}),
        "doublet": ("nullable-boolean", {"values": np.zeros(rows, bool), "mask": np.zeros(rows, bool)}),
    }


def write(path, above="", kind="csr_matrix"):
    with h5py.File(path, "w") as file:
        top = encode(file.require_group(above) if above else file, "anndata")
        frame(top, "obs", CELLS, cells())
        frame(top, "var", GENES, {"mean": np.linspace(0, 1, GENES)})
        matrix(top, "X", CELLS, GENES, kind)
        for name in ("layers", "obsm", "varm", "obsp", "varp", "uns"):
            encode(top.create_group(name), "dict")
        top["layers/dense"], top["obsm/X_pca"] = np.ones((CELLS, GENES), "f4"), np.ones((CELLS, 3))
        top["varm/PCs"], top["varp/near"] = np.ones((GENES, 3)), np.ones((GENES, GENES))
        frame(top["obsm"], "proteins", CELLS, {"cd3": np.linspace(0, 1, CELLS)})
        matrix(top["obsp"], "distances", CELLS, CELLS)
        top["uns/colors"] = np.array([b"#fff", b"#000"])
        frame(top["uns"], "markers", 4, {"gene": np.arange(4)})
        raw = encode(top.create_group("raw"), "raw")
        frame(raw, "var", GENES + 5, {})
        matrix(raw, "X", CELLS, GENES + 5)
    return path


def said(path):
    its = [it for it in datacheck.scan(path, workers=1).findings if it.code in ("missing", "row-count")]
    return [(it.code, it.message) for it in its]


def cut(file, path, rows=2):
    values = file[path][:-rows]
    del file[path]
    file[path] = values


@pytest.mark.parametrize("above", ["", "mod/rna"])
@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix"])
def test_a_sound_file_has_all_that_it_names(tmp_path, above, kind):
    assert said(write(tmp_path / "a.h5ad", above, kind)) == []


LOST = {
    "obs/score": "/obs names columns that are not there: score",
    "obs/_index": "/obs names columns that are not there: _index",
    "obsm/proteins/cd3": "/obsm/proteins names columns that are not there: cd3",
    "uns/markers/gene": "/uns/markers names columns that are not there: gene",
    "obs/type/codes": "/obs/type is a categorical and has no codes",
    "obs/type/categories": "/obs/type is a categorical and has no categories",
    "obs/doublet/mask": "/obs/doublet is a nullable-boolean and has no mask",
    "X/indices": "/X is a csr_matrix and has no indices",
    "X/indptr": "/X is a csr_matrix and has no indptr",
    "raw/X/data": "/raw/X is a csr_matrix and has no data",
}


@pytest.mark.parametrize("path", LOST)
def test_what_is_missing_is_named(tmp_path, path):
    with h5py.File(write(tmp_path / "a.h5ad"), "a") as file:
        del file[path]
    assert ("missing", LOST[path]) in said(tmp_path / "a.h5ad")


SHORT = {
    "obs/score": "/obs/_index has 30 rows, /obs/score has 28; they belong together",
    "obs/type/codes": "/obs/_index has 30 rows, /obs/type has 28; they belong together",
    "obs/doublet/mask": "/obs/doublet/values has 30 rows, /obs/doublet/mask has 28; they belong together",
    "var/mean": "/var/_index has 12 rows, /var/mean has 10; they belong together",
    "obsm/X_pca": "/obsm/X_pca has 28 rows, and /obs has 30 cells",
    "obsm/proteins/cd3": "/obsm/proteins/_index has 30 rows, /obsm/proteins/cd3 has 28; they belong together",
    "layers/dense": "/layers/dense has 28 rows, and /obs has 30 cells",
    "varm/PCs": "/varm/PCs has 10 rows, and /var has 12 genes",
    "varp/near": "/varp/near has 10 rows, and /var has 12 genes",
}


@pytest.mark.parametrize("path", SHORT)
def test_what_is_shorter_than_it_should_be_is_named(tmp_path, path):
    with h5py.File(write(tmp_path / "a.h5ad"), "a") as file:
        cut(file, path)
    assert said(tmp_path / "a.h5ad") == [("row-count", SHORT[path])]


@pytest.mark.parametrize("path", ["X", "raw/X", "obsp/distances"])
def test_a_matrix_of_another_extent_is_named(tmp_path, path):
    with h5py.File(write(tmp_path / "a.h5ad"), "a") as file:
        file[path].attrs["shape"] = np.array([CELLS, GENES + 1])
    assert {it for it, _ in said(tmp_path / "a.h5ad")} == {"row-count"}


def test_what_an_older_file_does_not_say_is_known_by_its_names(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        for name, count in {"obs": CELLS, "var": GENES}.items():
            rows = np.zeros(count, [("index", "S8"), ("n", "f4")])
            rows["index"] = [b"%s%d" % (name.encode(), at) for at in range(count)]
            file[name] = rows
        file["X"] = np.ones((CELLS, GENES), "f4")
    assert said(tmp_path / "a.h5ad") == []
    with h5py.File(tmp_path / "a.h5ad", "a") as file:
        cut(file, "X")
    assert said(tmp_path / "a.h5ad") == [("row-count", "/X has 28 rows, and /obs has 30 cells")]


def test_what_has_no_values_and_what_is_a_link_are_there(tmp_path):
    with h5py.File(write(tmp_path / "a.h5ad"), "a") as file:
        order = [*file["obs"].attrs["column-order"], "nothing", "linked"]
        file["obs"].attrs["column-order"] = np.array(order, TEXT)
        file["obs/nothing"] = h5py.Empty("f4")
        file["obs/linked"] = h5py.SoftLink("/obs/score")
        encode(file["uns"].create_dataset("none", data=h5py.Empty("f4")), "null")
        del file["X"]
    assert said(tmp_path / "a.h5ad") == []


def test_groups_of_other_files_that_are_called_like_these_are_none(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in range(3):
            file[f"data/demo_{at}/obs/state"], file[f"data/demo_{at}/actions"] = np.ones((9, 3)), np.ones((9, 2))
        file["obs/state"], file["var/weights"] = np.ones((7, 3)), np.ones(5)
        file["X"] = np.ones((4, 4))
    assert said(tmp_path / "a.h5") == []
