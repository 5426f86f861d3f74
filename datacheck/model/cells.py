"""Define `Cells`: a column of an HDF5 table that holds bytes, texts or number lists of varying length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS = "numbers"
BYTES = "bytes"
"""8-bit integers of varying length: how pictures and other payloads are stored."""
OPAQUE = "opaque"
"""Bytes of a fixed length per row; shorter values are padded with zeros."""
PADDED = "padded"
"""8-bit numbers of a fixed length per row that hold a payload padded with zeros."""
TEXT = "text"
FIXED_TEXT = "fixed text"
"""Strings of a fixed length; shorter ones are padded with zeros."""
RAGGED = "ragged"
"""Lists of numbers of varying length."""
SHORT = 4
"""If there are lists of at most this length, others may be empty: those of pictures with one box, or with none."""
TEXTS = frozenset({TEXT, FIXED_TEXT})


class Cells(msgspec.Struct, frozen=True):
    """The values of one column as they were read, one per row; `holds` is one of the constants above."""

    holds: str
    values: NDArray[Any]

    def take(self, rows: Sequence[int]) -> Cells:
        return Cells(self.holds, self.values[list(rows)])
