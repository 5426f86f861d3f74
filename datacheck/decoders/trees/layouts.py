"""Layouts of records that were walked, kept from one block to the next: a store's records have the same few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.trees.places import Place
from datacheck.model.profile import FamilyProfile

MOST = 16
MOST_BYTES = 4 << 20
"""So many layouts are kept, of records of so many bytes in all."""
READERS = 4
"""Families of one format come in turn: for so many of them what was learned is kept."""


@dataclass(frozen=True)
class Layout:
    """A record that was walked and is sound: its bytes, which of them are fixed, its fields, where their values lie."""

    raw: bytes
    fixed: NDArray[np.bool_]
    fields: Sequence[Field]
    places: Sequence[Place | None]

    @cached_property
    def spans(self) -> list[tuple[int, int, bytes]]:
        """The fixed bytes as stretches: where each begins and ends."""
        edges = np.flatnonzero(np.diff(np.concatenate(([False], self.fixed, [False])).astype(np.int8))).tolist()
        return [(start, stop, self.raw[start:stop]) for start, stop in list(pairwise(edges))[::2]]

    @cached_property
    def texts(self) -> list[Place]:
        """Those places whose bytes are all below 128."""
        return [place for place in self.places if place is not None and (place.small or not place.dtype)]


class Layouts:
    """The layouts that records had, the latest first; older ones are forgotten."""

    def __init__(self) -> None:
        self._kept: list[Layout] = []

    def of(self, size: int) -> list[Layout]:
        """Return the layouts of records of so many bytes."""
        return [layout for layout in self._kept if len(layout.raw) == size]

    def keep(self, layout: Layout) -> None:
        """Keep a layout whose `raw` and fields are memory of its own."""
        kept: list[Layout] = []
        size = 0
        for one in (layout, *self._kept)[:MOST]:
            size += len(one.raw)
            if size > MOST_BYTES:
                break
            kept.append(one)
        self._kept = kept


@dataclass(frozen=True, eq=False)
class RecordReader:
    """Reads records of one family; what they say depends on the profile, and so do the `layouts` that they had."""

    read: Callable[..., Reading]
    profile: FamilyProfile | None
    pixels: bool
    layouts: Layouts = field(default_factory=Layouts)

    def __call__(self, value: Value) -> Reading:
        return self.read(value, self.profile, pixels=self.pixels)


class RecordReaders:
    """The readers that were asked for last."""

    def __init__(self) -> None:
        self._kept: list[RecordReader] = []

    def of(self, read: Callable[..., Reading], profile: FamilyProfile | None, *, pixels: bool) -> RecordReader:
        """Return the reader for a profile: the same one for the same profile, as long as few others come between."""
        for one in self._kept:
            if one.profile is profile and one.pixels == pixels:
                return one
        made = RecordReader(read, profile, pixels)
        self._kept = [made, *self._kept][:READERS]
        return made
