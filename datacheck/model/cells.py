"""Cells: one value of each row of an HDF5 table that is no number, bytes, a text, or numbers that vary in number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS = "numbers"
BYTES = "bytes"
"""Whole numbers of 8 bits, of varying length: how pictures and other payloads are stored."""
OPAQUE = "opaque"
"""Bytes of which a row has always as many; shorter values have zeros behind them."""
PADDED = "padded"
"""Numbers of 8 bits of which a row has always as many, and which are a payload with zeros behind it."""
TEXT = "text"
FIXED_TEXT = "fixed text"
"""Strings of one length, with zeros behind shorter ones."""
RAGGED = "ragged"
"""Numbers of varying length."""
TEXTS = frozenset({TEXT, FIXED_TEXT})


class Cells(msgspec.Struct, frozen=True):
    """The values of one column as they were read, one for each row; what each `holds` is one of the above."""

    holds: str
    values: NDArray[Any]

    def take(self, rows: Sequence[int]) -> Cells:
        return Cells(self.holds, self.values[list(rows)])
