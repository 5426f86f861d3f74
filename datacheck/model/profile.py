"""What a store is meant to hold: per family of keys, the payload and its fields."""

from __future__ import annotations

import msgspec

NEARLY_ALL = 15 / 16
"""What so many sampled records have in common, the others of their family are meant to have."""


class FieldProfile(msgspec.Struct, frozen=True):
    """What a field is meant to hold: the shape, dtype and format of most sampled records.

    `shape` is None where it varies by nature (encoded pictures of several sizes, arrays in trees), `dtype` and `format`
    are empty where those of parts of trees do. `share` is the share of the sampled records that have the field at all,
    of those that could be decoded; `centre` is their mean: statistics sum differences from it.
    """

    shape: tuple[int, ...] | None
    dtype: str
    format: str
    share: float
    centre: float = 0.0


UNKNOWN = "unknown"
"""Stands for a decoder's name where no decoder knows the payload."""


class FamilyProfile(msgspec.Struct, frozen=True):
    """What the records of one family of keys are meant to hold: the decoder's name, and the fields it finds in them.

    `classes` are the dotted names of the classes that their payloads name, which datacheck does not load.
    """

    decoder: str
    sampled: int
    fields: dict[str, FieldProfile] = {}
    classes: tuple[str, ...] = ()


class Profile(msgspec.Struct, frozen=True):
    """What a store is meant to hold, decided from a fixed sample: the main families by folded key, and all the rest."""

    families: dict[str, FamilyProfile] = {}
    rest: FamilyProfile | None = None

    def of(self, family: str) -> FamilyProfile | None:
        return self.families.get(family, self.rest)
