"""Check loom files: a matrix of genes by cells, with `row_attrs` about the genes and `col_attrs` about the cells.

See http://linnarssonlab.org/loompy/format/. A cell is a column, and datacheck does not remove columns from a matrix.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.samples.samples import Shape
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

MATRIX, LAYERS = b"/matrix", b"/layers/"
AXES = (b"/row_attrs/", b"/col_attrs/")
"""Groups of attributes of the genes (the rows of the matrix) and of the cells (its columns)."""


def is_loom(shapes: Mapping[bytes, Shape]) -> bool:
    """Check whether a file is a loom file, by the shapes of its datasets."""
    axes = (any(path.startswith(axis) for path in shapes) for axis in AXES)
    return len(shapes.get(MATRIX, ())) == 2 and all(axes)


def findings(datasets: Mapping[bytes, Dataset]) -> Iterator[Finding]:
    """Yield findings for attributes that are not as long as their axis, and for layers of another shape."""
    shapes = {path: it.shape for path, it in datasets.items()}
    if not is_loom(shapes):
        return
    extent = shapes[MATRIX]
    for path, shape in sorted(shapes.items()):
        for number, axis in enumerate(AXES):
            if path.startswith(axis) and shape and shape[0] != extent[number]:
                what = "rows" if number == 0 else "columns"
                text = (
                    f"{escape(path)} has {counted(shape[0], 'value')}, and {escape(MATRIX)} has {extent[number]:,} "
                    f"{what}"
                )
                yield found("row-count", text, rows={escape(path): shape[0], escape(MATRIX): extent[number]})
        if path.startswith(LAYERS) and shape != extent:
            text = f"{escape(path)} is {_shape_text(shape)}, and {escape(MATRIX)} is {_shape_text(extent)}"
            yield found("row-count", text, rows={escape(path): shape[0] if shape else 0, escape(MATRIX): extent[0]})


def losses(shapes: Iterable[tuple[bytes, Shape]], table: str, own: Collection[bytes]) -> Iterator[str]:
    """Yield why removing rows of this table would make a copy inconsistent: they are genes or describe cells."""
    of_cells = any(it.startswith((AXES[1], b"/col_graphs/")) for it in own)
    of_genes = any(it == MATRIX or it.startswith((LAYERS, AXES[0], b"/row_graphs/")) for it in own)
    if not (of_cells or of_genes) or not is_loom(dict(shapes)):
        return
    if of_cells:
        yield f"{table} tells of cells, which are the columns of {escape(MATRIX)}, and these would stay"
    else:
        yield f"rows of {table} are genes, and each cell would lack them"


def _shape_text(shape: Shape) -> str:
    return " x ".join(f"{it:,}" for it in shape)
