"""What a store is meant to hold: per family of keys, the payload and its fields."""

from __future__ import annotations

from collections import Counter

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
    look as if they were height x width x channels. `axes` are, where the shape varies, those axes that nearly all
    records have alike, such as the 80 of mel spectrograms of several lengths; None stands for one that varies.
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
    axes: tuple[int | None, ...] = ()


LOOSE = frozenset(("json", "msgpack"))
NO_ACCIDENT = 0.02
"""Decoders that know values by little, and the share of those sampled above which that is no accident."""
MIXED = 0.1
"""Where more than this share of a family is of one other kind, it holds both: pictures and their annotations."""
FEW_EMPTY = 0.1
"""Where no more than this share of the texts beside pictures is empty, an empty one may be meant."""
UNKNOWN = "unknown"
"""Stands for a decoder's name where no decoder knows the payload."""
EMPTY = "empty"
"""Stands for a decoder's name where a value has no bytes."""


class UsualLength(msgspec.Struct, frozen=True):
    """The number of bytes that most of some sampled values have, and the share of them that do."""

    size: int
    share: float


Extent = tuple[str, int]
"""A field, and one of the axes of its array."""


class FamilyProfile(msgspec.Struct, frozen=True):
    """What the records of one family of keys are meant to hold: the decoder's name, and the fields it finds in them.

    `kinds` counts the sampled values by the decoder that knows them, UNKNOWN and EMPTY among them. Where the decoder is
    UNKNOWN since none knows more than half, a value is still judged by one of `kinds` that knows it. `label` says that
    single values beside pictures are labels. `classes` are the dotted names of the classes that their payloads name,
    which datacheck does not load. `forced` says that the caller named the decoder. `array` is what raw values are
    arrays of; where nothing decodes them its shape may be known, `length` is the one that more than half of these
    have, and `form` the known format of those that were sampled. `columns` are those of an HDF5 table that hold
    payloads, texts, or ragged numbers. `tied` are the extents of arrays that differ between records, and are the same
    within nearly each of them; those of them that are `loose` are not in so many that this may be meant.
    """

    decoder: str
    sampled: int
    fields: dict[str, FieldProfile] = {}
    kinds: dict[str, int] = {}
    label: bool = False

    @property
    def by_magic(self) -> frozenset[str]:
        """The decoders that are asked for each value, there being none for all of them.

        One that goes by the first bytes of a text or a tree alone knows some of any random bytes, too.
        """
        if self.decoder != UNKNOWN:
            return frozenset()
        few = max(1, NO_ACCIDENT * self.sampled)
        return frozenset(it for it, count in self.kinds.items() if it not in LOOSE or count > few) - {UNKNOWN, EMPTY}

    def mixes(self, kind: str) -> bool:
        """Whether so many of the sampled values are of another kind than most that they are meant to be there."""
        return self.kinds.get(kind, 0) > MIXED * self.sampled

    @property
    def may_be_empty(self) -> bool:
        """Whether a value of no bytes may be meant: a text that is no label, where few of its like are empty."""
        few = self.kinds.get(EMPTY, 0) <= FEW_EMPTY * self.sampled
        return self.decoder == "text" and not self.label and not self.forced and few

    classes: tuple[str, ...] = ()
    forced: bool = False
    array: Array | None = None
    length: UsualLength | None = None
    form: str = ""
    columns: dict[str, FamilyProfile] = {}
    tied: tuple[tuple[Extent, ...], ...] = ()
    loose: tuple[Extent, ...] = ()


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

    def of_table(self, name: str) -> FamilyProfile:
        """Return what a table of an HDF5 file is meant to hold.

        Of one that was not sampled nothing is known, but what has one value only in most that were.
        """
        return self.families.get(name) or FamilyProfile(
            "rows", 0, {it: FieldProfile(None, "", "", 0.0, constant=True) for it in self.constants()}
        )

    def constants(self) -> frozenset[str]:
        """Return the fields that have one value only in most records of most of the tables of rows that have them.

        They are found once for the many small shards that are checked one after the other.
        """
        known = _known[-1:]
        if not known or known[0][0] is not self:
            known = [(self, self._constants())]
            _known[:] = known
        return known[0][1]

    def _constants(self) -> frozenset[str]:
        having: Counter[str] = Counter()
        constant: Counter[str] = Counter()
        for family in self.families.values():
            fields = family.fields if family.decoder == "rows" else {}
            having.update(fields.keys())
            constant.update(name for name, it in fields.items() if it.constant)
        return frozenset(name for name, count in constant.items() if 2 * count > having[name])


_known: list[tuple[Profile, frozenset[str]]] = []
"""The profile whose `constants` were asked for last, and these."""
