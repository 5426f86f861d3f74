"""Describe what a store is expected to hold: for each family of keys, the payload and its fields."""

from __future__ import annotations

from collections import Counter

import msgspec

from datacheck.model.settings import Array

NEARLY_ALL = 15 / 16
"""Share of the sampled records of a family that must agree before the others are expected to agree, too."""


class FieldProfile(msgspec.Struct, frozen=True):
    """What a field is expected to hold: the shape, dtype and format of most sampled records.

    `shape` is None if it varies by nature (encoded pictures of several sizes, arrays in trees); `dtype` and `format`
    are empty if they vary between the parts of trees. `channels` is the number of channels that nearly all encoded
    pictures have. `share` is the share of the sampled records that have the field at all, among those that could be
    decoded. `centre` is the mean of the sampled values: statistics sum differences from it. `size` is the height and
    width of encoded pictures if their family is named after it, as in "64-#". `constant` means that most records (of
    masks: many) have one value only, `axis_order` that they look like height x width x channels, `large` that most have
    values beyond float16. `axes` are, if
    the shape varies, the axes that nearly all records have alike, such as the 80 of mel spectrograms of several
    lengths; None stands for an axis that varies.
    """

    shape: tuple[int, ...] | None
    dtype: str
    format: str
    share: float
    centre: float = 0.0
    channels: int | None = None
    constant: bool = False
    axis_order: bool = False
    large: bool = False
    size: int | None = None
    axes: tuple[int | None, ...] = ()


LOOSE = frozenset(("json", "msgpack"))
NO_ACCIDENT = 0.02
"""LOOSE are decoders that recognise values by weak evidence. If they recognise more than NO_ACCIDENT of the sampled
values, that is not by chance."""
MIXED = 0.1
"""If more than this share of a family is of one other kind, the family holds both kinds: pictures and their
annotations."""
FEW_EMPTY = 0.1
"""If at most this share of the texts beside pictures is empty, an empty text may be intended."""
UNKNOWN = "unknown"
"""Takes the place of a decoder's name if no decoder knows the payload."""
EMPTY = "empty"
"""Takes the place of a decoder's name if a value has no bytes."""


class UsualLength(msgspec.Struct, frozen=True):
    """The most common length of the sampled values, in bytes, and the share of them that have it."""

    size: int
    share: float


Extent = tuple[str, int]
"""A field and the number of one of its axes."""


class FamilyProfile(msgspec.Struct, frozen=True):
    """What the records of one family of keys are expected to hold: the decoder's name and the fields it finds.

    `kinds` counts the sampled values by the decoder that knows them, including UNKNOWN and EMPTY. If the decoder is
    UNKNOWN because none knows more than half of the values, a value is still judged by one of `kinds` that knows it.
    `label` means that single values beside pictures are labels. `classes` are the dotted names of the classes that the
    payloads name; datacheck does not load them. `forced` means that the caller named the decoder. `array` is the dtype
    and shape of raw values; if no decoder applies to them, their shape may still be known. `length` is the length that
    more than half of such values have, and `form` the known format of those that were sampled. `columns` are the
    columns of an HDF5 table that hold payloads, texts or ragged numbers. `tied` are groups of array extents that differ
    between records, but are equal within nearly every record. `loose` are those of them that disagree in so many
    records, or were compared in so few, that a difference may be intended. `alone` means that texts or numbers lie
    beside nothing and are the records themselves, `numeric` that nearly all such texts consist of numbers; `words` are
    the places in them where most have a word instead. `of_data` means that nearly all texts, also those beside others,
    consist of numbers or are literals of Python. `short` means that of values of varying length some have hardly
    any numbers, so that others may have none: the boxes of a picture. `trailing` means that nearly all records have
    bytes after the end of their payload. `key_lengths` are the lengths of keys that are digests or the like: keys of
    words and another length are those of records about the others. `elsewhere` are fields whose numbers lead to
    something that is not in the record, such as edges between the nodes of a graph of all records. `untimed` are fields
    in which times are often NaT, such as those of events that have not happened yet.
    """

    decoder: str
    sampled: int
    fields: dict[str, FieldProfile] = {}
    kinds: dict[str, int] = {}
    label: bool = False
    classes: tuple[str, ...] = ()
    forced: bool = False
    array: Array | None = None
    length: UsualLength | None = None
    form: str = ""
    columns: dict[str, FamilyProfile] = {}
    tied: tuple[tuple[Extent, ...], ...] = ()
    loose: tuple[Extent, ...] = ()
    short: bool = False
    alone: bool = False
    numeric: bool = False
    of_data: bool = False
    words: tuple[int, ...] = ()
    trailing: bool = False
    key_lengths: tuple[int, ...] = ()
    elsewhere: tuple[str, ...] = ()
    untimed: tuple[str, ...] = ()

    @property
    def by_magic(self) -> frozenset[str]:
        """The decoders that are tried for each value if there is no single decoder for all of them.

        Decoders that recognise a text or a tree by its first bytes alone also accept some random bytes; they are
        included only if they know enough of the sampled values.
        """
        if self.decoder != UNKNOWN:
            return frozenset()
        few = max(1, NO_ACCIDENT * self.sampled)
        return frozenset(it for it, count in self.kinds.items() if it not in LOOSE or count > few) - {UNKNOWN, EMPTY}

    def mixes(self, kind: str) -> bool:
        """Whether enough sampled values are of another kind, this one, to be there on purpose."""
        return self.kinds.get(kind, 0) > MIXED * self.sampled

    @property
    def may_be_empty(self) -> bool:
        """Whether an empty value may be intended: it is a text, not a label, and few of the sampled texts are empty."""
        few = self.kinds.get(EMPTY, 0) <= FEW_EMPTY * self.sampled
        return self.decoder == "text" and not self.label and not self.forced and few


class Profile(msgspec.Struct, frozen=True):
    """What a store is expected to hold, decided from a fixed sample: main families by folded key, and the `rest`."""

    families: dict[str, FamilyProfile] = {}
    rest: FamilyProfile | None = None

    @property
    def every(self) -> tuple[FamilyProfile, ...]:
        """All families, and the profile of the rest if there is one."""
        return (*self.families.values(), *([self.rest] if self.rest else []))

    def of(self, family: str) -> FamilyProfile | None:
        return self.families.get(family, self.rest)

    def form(self, family: str) -> str:
        """Return the known format of values of a family that no decoder knows, or of those of a column by its path."""
        table, slash, column = family.rpartition("/")
        known = self.families[table or slash].columns.get(column) if (table or slash) in self.families else None
        known = known or self.of(family)
        return "" if known is None else known.form

    def of_table(self, name: str) -> FamilyProfile:
        """Return what a table of an HDF5 file is expected to hold.

        About a table that was not sampled only one thing is known: the fields that are constant in most sampled tables.
        """
        return self.families.get(name) or FamilyProfile(
            "rows", 0, {it: FieldProfile(None, "", "", 0.0, constant=True) for it in self.constants()}
        )

    def constants(self) -> frozenset[str]:
        """Return the fields that have one value only in most records of most of the row tables that have them.

        The last result is cached, since many small shards are checked one after the other.
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
"""The profile whose `constants` were requested last, and the result."""
