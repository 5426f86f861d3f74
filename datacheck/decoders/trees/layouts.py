"""Keep the layouts of walked records from one block to the next: a store's records share a few layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.trees.places import Place
from datacheck.decoders.trees.references import leading_parts
from datacheck.model.profile import FamilyProfile

MOST = 16
MOST_BYTES = 4 << 20
"""Maximum number of layouts that are kept, and of their records' bytes in total."""
READERS = 4
"""Number of families per format whose readers are kept, since blocks of different families alternate."""


@dataclass(frozen=True)
class Layout:
    """A walked record without flaws: its bytes, which of them are fixed, its fields, and the places of their values."""

    raw: bytes
    fixed: NDArray[np.bool_]
    fields: Sequence[Field]
    places: Sequence[Place | None]

    @cached_property
    def spans(self) -> list[tuple[int, int, bytes]]:
        """The stretches of fixed bytes: the start, end and content of each."""
        edges = np.flatnonzero(np.diff(np.concatenate(([False], self.fixed, [False])).astype(np.int8))).tolist()
        return [(start, stop, self.raw[start:stop]) for start, stop in list(pairwise(edges))[::2]]

    @cached_property
    def texts(self) -> list[Place]:
        """The places whose bytes must all be below 128."""
        return [place for place in self.places if place is not None and (place.small or not place.dtype)]

    @cached_property
    def leading(self) -> list[int]:
        """The positions of the fields whose values are compared with each other in each record."""
        return leading_parts(self.fields)


class Layouts:
    """The layouts of previous records, most recent first; the oldest are dropped."""

    def __init__(self) -> None:
        self._kept: list[Layout] = []

    def of_size(self, size: int) -> list[Layout]:
        """Return the layouts of records of this size in bytes."""
        return [layout for layout in self._kept if len(layout.raw) == size]

    def keep(self, layout: Layout) -> None:
        """Keep a layout; its `raw` and its fields must own their memory."""
        kept: list[Layout] = []
        size = 0
        for candidate in (layout, *self._kept)[:MOST]:
            size += len(candidate.raw)
            if size > MOST_BYTES:
                break
            kept.append(candidate)
        self._kept = kept


@dataclass(frozen=True, eq=False)
class RecordReader:
    """Reads records of one family; the results depend on the profile, and so do the `layouts` found so far."""

    read: Callable[..., Reading]
    profile: FamilyProfile | None
    pixels: bool
    layouts: Layouts = field(default_factory=Layouts)

    def __call__(self, value: Value) -> Reading:
        return self.read(value, self.profile, pixels=self.pixels)


class RecordReaders:
    """The readers of the families that were read last."""

    def __init__(self) -> None:
        self._kept: list[RecordReader] = []

    def reader(self, read: Callable[..., Reading], profile: FamilyProfile | None, *, pixels: bool) -> RecordReader:
        """Return the reader for a profile; it is kept until READERS others have been asked for since."""
        matching = (it for it in self._kept if it.profile is profile and it.pixels == pixels)
        reader = next(matching, None) or RecordReader(read, profile, pixels)
        self._kept = [reader, *(it for it in self._kept if it is not reader)][:READERS]
        return reader
