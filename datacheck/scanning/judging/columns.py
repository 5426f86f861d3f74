"""Treat columns of an HDF5 table whose cells are payloads or texts as values of records, one for each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from datacheck.decoders.cells import PICTURE, may_be_padded, payloads, ragged
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block, RowBlock
from datacheck.model.cells import PADDED, RAGGED, TEXTS, Cells
from datacheck.model.equal_lengths import lengths
from datacheck.model.finding import Finding, found
from datacheck.model.profile import EMPTY, UNKNOWN, FamilyProfile
from datacheck.model.replacing import replace

FEW_EMPTY = 0.1
"""Maximum share of empty texts or ragged numbers in a column at which each empty one is reported."""
ZERO_BYTES = "the value has zero bytes"
WORDS = frozenset({"text", UNKNOWN})
MAIN = frozenset({"data", "label"})
"""Names that decoders give to the only field of a value; the column's name is used instead."""


class CellBlock(Block, frozen=True):
    """The cells of a column, as many as the rows of their block; cells that could not be read are empty."""

    column: str = ""
    group: str = ""
    cells: Cells | None = None
    rows: Sequence[int] = ()
    """The rows that could be read."""
    of: RowBlock | None = None

    @property
    def holds(self) -> str:
        return "" if self.cells is None else self.cells.holds

    @property
    def path(self) -> str:
        return f"{self.group}/{self.column}"

    def name(self, row: int) -> str:
        return "" if self.of is None else self.of.name(row)

    def field(self, inner: str | None, *, label: bool = False) -> str:
        """Return the name of a field of the table from its name within a cell."""
        if inner is None or inner == "data" or (label and inner in MAIN):
            return self.column
        return f"{self.column}{inner}" if inner.startswith("[") else f"{self.column}/{inner}"

    def placed(self, item: Batch | tuple[int, Finding]) -> Batch | tuple[int, Finding]:
        """Return a batch or finding that a decoder yields for cells as one for the field of the table."""
        if isinstance(item, Batch):
            name = self.field(item.field, label=item.label and item.field == "label" and not item.leaf)
            return replace(item, field=name, path=f"{self.group}/{name}")
        row, finding = item
        return row, msgspec.structs.replace(finding, field=self.field(finding.field))


def cell_blocks(block: RowBlock, family: FamilyProfile) -> tuple[RowBlock, list[CellBlock]]:
    """Return the rows with their numbers only, and the other columns as blocks of cells."""
    pictures = {name for name, profile in family.columns.items() if profile.decoder == PICTURE}
    padded = {name for name in pictures & block.columns.keys() if may_be_padded(block.columns[name])}
    if not (padded or block.cells):
        return block, []
    numbers = {name: values for name, values in block.columns.items() if name not in padded}
    cells = {**block.cells, **{name: Cells(PADDED, block.columns[name]) for name in padded}}
    return msgspec.structs.replace(block, columns=numbers, cells={}), [
        _cell_block(block, name, cells[name]) for name in sorted(cells)
    ]


def _cell_block(block: RowBlock, name: str, cells: Cells) -> CellBlock:
    lost = block.left_out(name)
    return CellBlock(
        [b""] * len(block),
        [b""] * len(block) if cells.holds == RAGGED else payloads(cells),
        column=name,
        group=block.group,
        cells=cells,
        rows=[row for row in range(len(block)) if row not in lost],
        of=block,
    )


def full_and_empty(block: CellBlock) -> tuple[list[int], list[int]]:
    """Return the rows whose cells have content, and the rows whose cells are empty."""
    sizes = (
        [np.size(it) for it in block.cells.values] if block.cells and block.holds == RAGGED else lengths(block.values)
    )
    return [row for row in block.rows if sizes[row]], [row for row in block.rows if not sizes[row]]


def ragged_batches(block: CellBlock, rows: Sequence[int], family: FamilyProfile | None) -> Iterator[Batch]:
    """Yield batches with the numbers of the cells at `rows`."""
    if block.cells is not None and block.of is not None:
        label = block.column in block.of.labels
        yield from ragged(block.column, block.path, block.cells, rows, family, label=label)


def empty_findings(
    block: CellBlock, rows: Sequence[int], family: FamilyProfile | None
) -> Iterator[tuple[int, Finding]]:
    """Yield the findings for empty cells: none if the column often has empty texts or ragged numbers.

    They are only suspicious if they are texts, or if some ragged cells have hardly any numbers.
    """
    share = 0.0 if family is None or not family.sampled else family.kinds.get(EMPTY, 0) / family.sampled
    text = block.holds in TEXTS and (family is None or (family.decoder in WORDS and not family.label))
    if (text or block.holds == RAGGED) and share > FEW_EMPTY:
        return
    short = block.holds == RAGGED and family is not None and family.short
    what = "the text is empty" if text else "there is no number in it" if block.holds == RAGGED else ZERO_BYTES
    finding = found("empty", what, field=block.column, verdict="suspicious" if text or short else None)
    yield from ((row, finding) for row in rows)
