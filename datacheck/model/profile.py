"""What a store is meant to hold: per family of keys, the payload and its fields."""

from __future__ import annotations

import msgspec


class FieldProfile(msgspec.Struct, frozen=True):
    """What a field is meant to hold: the shape, dtype and format of most sampled records.

    `shape` is None where it varies by nature (encoded pictures of several sizes). `share` is the share of the sampled
    records that have the field at all, `centre` their mean: statistics sum differences from it.
    """

    shape: tuple[int, ...] | None
    dtype: str
    format: str
    share: float
    centre: float = 0.0


UNKNOWN = "unknown"
"""Stands for a decoder's name where no decoder knows the payload."""


class FamilyProfile(msgspec.Struct, frozen=True):
    """What the records of one family of keys are meant to hold: the decoder's name, and the fields it finds in them."""

    decoder: str
    sampled: int
    fields: dict[str, FieldProfile] = {}


class Profile(msgspec.Struct, frozen=True):
    """What a store is meant to hold, decided from a fixed sample: the main families by folded key, and all the rest."""

    families: dict[str, FamilyProfile] = {}
    rest: FamilyProfile | None = None

    def of(self, family: str) -> FamilyProfile | None:
        return self.families.get(family, self.rest)
