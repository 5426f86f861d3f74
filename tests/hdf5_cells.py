"""Write anndata and 10x files, and read them as their loaders do: by encoding-type, through the row pointers."""

import itertools

import h5py
import numpy as np


def dense(seed, rows, columns, share=0.3):
    draw = np.random.default_rng(seed)
    return (draw.normal(size=(rows, columns)) * (draw.random((rows, columns)) < share)).astype("f4")


def compressed(full):
    """Return the data, indices and indptr of a matrix in compressed sparse row format."""
    per_row = [np.flatnonzero(row) for row in full]
    data = np.concatenate([row[at] for row, at in zip(full, per_row, strict=True)])
    return data, np.concatenate(per_row).astype("i4"), np.cumsum([0, *map(len, per_row)]).astype("i4")


def put_sparse(file, path, full, kind="csr"):
    parts = compressed(full if kind == "csr" else full.T)
    group = file.create_group(path)
    for name, values in zip(("data", "indices", "indptr"), parts, strict=True):
        group.create_dataset(name, data=values, chunks=(16,), maxshape=(None,), compression="gzip")
    group.attrs.update({"encoding-type": f"{kind}_matrix", "encoding-version": "0.1.0", "shape": np.array(full.shape)})


def write_anndata(path, kind="csr", cells=40, genes=12, change=lambda file: None):
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        put_sparse(file, "X", dense(1, cells, genes), kind)
        put_sparse(file, "layers/counts", dense(2, cells, genes), "csr")
        file["layers/scaled"], file["obsm/X_pca"] = dense(3, cells, genes, 1), dense(4, cells, 3, 1)
        put_sparse(file, "obsp/near", dense(5, cells, cells))
        file["obsp/far"] = dense(6, cells, cells, 1)
        put_sparse(file, "raw/X", dense(7, cells, genes + 5), "csr")
        file["raw/var/_index"] = [f"raw{it}" for it in range(genes + 5)]
        file["obs/name"], file["obs/depth"] = [f"cell{it}" for it in range(cells)], dense(8, cells, 1, 1)[:, 0]
        file["obs"].attrs["_index"] = "name"
        file["obs/kind/codes"], file["obs/kind/categories"] = np.arange(cells, dtype="i1") % 3 - 1, ["a", "b"]
        file["var/_index"], file["var/mean"] = [f"gene{it}" for it in range(genes)], dense(9, genes, 1, 1)[:, 0]
        file["varm/PCs"], file["uns/variance"] = dense(10, genes, 3, 1), np.arange(3.0)
        change(file)
    return path


def write_tenx(path, cells=30, genes=20, change=lambda file: None):
    with h5py.File(path, "w") as file:
        data, indices, indptr = compressed(dense(1, cells, genes))
        group = file.create_group("matrix")
        group["data"], group["indices"], group["indptr"] = np.abs(data), indices.astype("i8"), indptr.astype("i8")
        group["shape"] = np.array([genes, cells], "i4")
        group["barcodes"] = np.array([b"AAAC%03d-1" % it for it in range(cells)])
        group["features/id"] = group["features/name"] = np.array([b"G%03d" % it for it in range(genes)])
        change(file)
    return path


def load(group):
    """Return a matrix as a loader does, trusting the pointers, the shape and the encoding."""
    if isinstance(group, h5py.Dataset):
        return group[:]
    by_row = group.attrs["encoding-type"] == "csr_matrix"
    extent = group.attrs["shape"] if by_row else group.attrs["shape"][::-1]
    full = unpacked(group, extent)
    return full if by_row else full.T


def unpacked(group, extent):
    data, indices, indptr = (group[name][:] for name in ("data", "indices", "indptr"))
    assert len(indptr) == extent[0] + 1
    assert indptr[-1] == len(data) == len(indices)
    full = np.zeros(extent, data.dtype)
    for row, (low, high) in enumerate(itertools.pairwise(indptr)):
        full[row, indices[low:high]] = data[low:high]
    return full
