"""The parts of a PNG file: its header and its chunks, as in the W3C's PNG specification, third edition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The passes of an interlaced picture: first column and row, and the steps between them."""


@dataclass(frozen=True, slots=True)
class Header:
    """The content of the chunk IHDR: size in pixels, bits per sample, colour type, and whether it is interlaced."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def size(self) -> int:
        """The size of the decoded pixels, in bytes."""
        return self.width * self.height * CHANNELS[self.colour] * ceil(self.depth / 8)

    def rows(self) -> Iterator[tuple[int, int]]:
        """Yield for each pass the number of its rows and the bytes of a row, including the filter type."""
        for column, row, across, down in ADAM7 if self.interlaced else ((0, 0, 1, 1),):
            width, height = ceil((self.width - column) / across), ceil((self.height - row) / down)
            if width > 0 and height > 0:
                yield height, 1 + ceil(width * CHANNELS[self.colour] * self.depth / 8)


@dataclass(slots=True)
class Chunks:
    """The chunks of a picture up to IEND, as (type, start of the chunk, start and stop of its data)."""

    places: list[tuple[bytes, int, int, int]] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.places[-1][3] + 4

    def of_kind(self, kind: bytes) -> list[tuple[int, int]]:
        return [(start, stop) for it, _, start, stop in self.places if it == kind]
