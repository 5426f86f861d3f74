"""What a store is meant to hold: per family of keys, the payload and its fields."""

from __future__ import annotations

import msgspec

from datacheck.model.settings import Array

NEARLY_ALL = 15 / 16
"""What so many sampled records have in common, the others of their family are meant to have."""


class FieldProfile(msgspec.Struct, frozen=True):
    """What a field is meant to hold: the shape, dtype and format of most sampled records.

    `shape` is None where it varies by nature (encoded pictures of several sizes, arrays in trees), `dtype` and `format`
    are empty where those of parts of trees do; `channels` is what nearly all of the encoded pictures have. `share` is
    the share of the sampled records that have the field at all, of those that could be decoded; `centre` is their mean:
    statistics sum differences from it. `size` is the height and width of encoded pictures whose family is called by it,
    as "64-#". `constant` says that most records (of masks: many) have one value only, `axis_order` that they
    look as if they were height x width x channels.
    """

    shape: tuple[int, ...] | None
    dtype: str
    format: str
    share: float
    centre: float = 0.0
    channels: int | None = None
    constant: bool = False
    axis_order: bool = False
    size: int | None = None


UNKNOWN = "unknown"
"""Stands for a decoder's name where no decoder knows the payload."""
EMPTY = "empty"
"""Stands for a decoder's name where a value has no bytes."""


class UsualLength(msgspec.Struct, frozen=True):
    """The number of bytes that most of some sampled values have, and the share of them that do."""

    size: int
    share: float


class FamilyProfile(msgspec.Struct, frozen=True):
    """What the records of one family of keys are meant to hold: the decoder's name, and the fields it finds in them.

    `kinds` counts the sampled values by the decoder that knows them, UNKNOWN and EMPTY among them. Where the decoder is
    UNKNOWN since none knows more than half, a value is still judged by one of `kinds` that knows it. `label` says that
    single values beside pictures are labels. `classes` are the dotted names of the classes that their payloads name,
    which datacheck does not load. `forced` says that the caller named the decoder. `array` is what raw values are
    arrays of; where nothing decodes them its shape may be known, and `length` is the one that more than half of these
    have. `columns` are those of an HDF5 table that hold payloads, texts, or ragged numbers.
    """

    decoder: str
    sampled: int
    fields: dict[str, FieldProfile] = {}
    kinds: dict[str, int] = {}
    label: bool = False

    @property
    def by_magic(self) -> frozenset[str]:
        """The decoders that are asked for each value, there being none for all of them."""
        return frozenset(self.kinds) - {UNKNOWN, EMPTY} if self.decoder == UNKNOWN else frozenset()

    classes: tuple[str, ...] = ()
    forced: bool = False
    array: Array | None = None
    length: UsualLength | None = None
    columns: dict[str, FamilyProfile] = {}


class Profile(msgspec.Struct, frozen=True):
    """What a store is meant to hold, decided from a fixed sample: the main families by folded key, and all the rest."""

    families: dict[str, FamilyProfile] = {}
    rest: FamilyProfile | None = None

    @property
    def every(self) -> tuple[FamilyProfile, ...]:
        """The families, and what stands for all the rest if anything does."""
        return (*self.families.values(), *([self.rest] if self.rest else []))

    def of(self, family: str) -> FamilyProfile | None:
        return self.families.get(family, self.rest)
