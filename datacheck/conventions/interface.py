"""Data classes for what a project keeps beside its records: counts, lists of keys, numbers without gaps, groups.

A convention is recognised by what a store holds, checked against the keys that a scan sums up, and made true by a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from datacheck.conventions.keys.frame_keys import ClipNames, FrameKind
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.parts import parts_of
from datacheck.conventions.keys.runs import Span
from datacheck.conventions.keys.sequences import Frames
from datacheck.conventions.keys.spanning import Naming, Spanning
from datacheck.conventions.keys.stems import StemGroups, Stems
from datacheck.conventions.naming_records import Index
from datacheck.conventions.values.aligned import Parallel
from datacheck.conventions.values.per_record import with_number
from datacheck.conventions.values.rewriting import Place
from datacheck.conventions.values.stored_lists import stored_list
from datacheck.conventions.values.stored_values import FORMS, Stored, stored
from datacheck.model.escaping import escape, plain

Value = Callable[[bytes], "bytes | None"]
"""Returns the value of a key of the store, or None if there is no such key."""

ALL = ""
"""Stands for all families of keys in mappings of shapes by family."""
FEWEST = 64
"""A pattern is frequent if at least one in this number of sampled keys has it."""
ALL_TOGETHER = "all databases together"
"""Used in place of the name of a database, for all of them."""
LARGEST = 1 << 62
"""Limit for counts: no store has this number of records."""


class StoreView(msgspec.Struct, frozen=True):
    """The parts of a store from which a convention is recognised.

    These are the patterns of the sampled keys with the number of keys of each, functions that return the value of a key
    and the contents of a file in the store's folder, and the sampled keys.
    """

    patterns: Mapping[Pattern, int]
    value: Value
    file: Value
    keys: Collection[bytes] = ()
    _stored: dict[bytes, Stored | None] = msgspec.field(default_factory=dict)
    _listed: dict[bytes, Stored | None] = msgspec.field(default_factory=dict)

    @property
    def frequent(self) -> tuple[Pattern, ...]:
        """The patterns that a fair share of the sampled keys have; among digests, each key has a pattern of its own."""
        return tuple(it for it, count in self.patterns.items() if count * FEWEST >= len(self.keys))

    @property
    def parts(self) -> tuple[Pattern, ...]:
        """The frequent patterns that may be the parts of a sample."""
        return parts_of(self.frequent)

    def stored(self, key: bytes) -> Stored | None:
        """Return the parsed value of a key, or None if it has no known form. The value is read only once."""
        if key not in self._stored:
            self._stored[key] = None if (raw := self.value(key)) is None else stored(raw)
        return self._stored[key]

    def listed(self, key: bytes) -> Stored | None:
        """Return the parsed value of a key, or the lists in it if it has no known form, or None."""
        if self.stored(key) is None and key not in self._listed:
            self._listed[key] = stored_list(self.value(key) or b"")
        return self.stored(key) or self._listed[key]

    def pattern(self, before: bytes, after: bytes = b"") -> Pattern | None:
        """Return the pattern that most of the sampled keys of this form have, or None if there are none."""
        return next((it for it in self.patterns if (it.before, it.after) == (before, after)), None)


def located_key(key: bytes, part: str | None) -> str:
    """Return a key for messages, with the database that holds it; None means the database of the records themselves."""
    if part is None:
        return escape(key)
    return f"{escape(key)} in the {f'database {part}' if part else 'main database'}"


class Count(msgspec.Struct, frozen=True):
    """A number of records that the store keeps under `key`.

    `said` is the parsed value, or None if the value could not be read. `item` is the position of the number in a list
    or its name in a mapping, or None if the value is the number. With `next`, it is not a count but the number of the
    next new record. With `last`, it is the number of the last record, one less than there are records. With `of_list`,
    it is the number of keys in the list under that key, and nothing else if `exact`. `form` is how to write a number if
    none could be read. `kept_in` is the database that holds it, if that is not the database of the records.

    With `of_all`, it counts the records of all other databases. With `of_none`, it is near the number of records of no
    database, so what it counts is unknown. `near` is the name of a database and a number of its records that the count
    is near to: it may count these or something else, but with `of_all` it counts these and is not true. `otherwise` is
    a second meaning of the bytes: 49 in msgpack is also the text "1".
    """

    key: bytes
    said: Stored | None
    raw: bytes = b""
    item: int | str | None = None
    next: bool = False
    last: bool = False
    of_list: bytes | None = None
    exact: bool = False
    form: str = "decimal"
    kept_in: str | None = None
    of_all: bool = False
    of_none: bool = False
    near: tuple[str, int] | None = None
    otherwise: Stored | None = None

    @property
    def counts(self) -> bool:
        """Whether it certainly counts the records of one database, or the keys of a list."""
        return not (self.of_all or self.of_none or self.near)

    @property
    def name(self) -> str:
        """Its key for messages, with the database that holds it if that is another one."""
        name = located_key(self.key, self.kept_in)
        return f"{escape(self.called)} in {name}" if isinstance(self.item, str) else name

    @property
    def called(self) -> bytes:
        """The name of the count: its key, or its name in a mapping."""
        return self.item.encode() if isinstance(self.item, str) else self.key

    @property
    def number(self) -> int | None:
        """The number, or None if it is not whole or too large: a loader rejects 60.0, and 10**30 cannot be a count."""
        value = None if self.said is None else self.said.value
        if isinstance(self.item, str):
            value = value.get(self.item) if isinstance(value, dict) else None
        elif self.item is not None:
            value = value[self.item] if isinstance(value, list) and len(value) > self.item else None
        return value + self.last if type(value) is int and abs(value) < LARGEST else None

    @property
    def fraction(self) -> float | None:
        """The number if it is written as a float, such as 60.0, or else None."""
        value = None if self.said is None or self.item is not None else self.said.value
        return value if type(value) is float else None

    def written(self, number: int) -> bytes:
        """Return the bytes for a number in the form of the stored ones, which are returned if they say this number."""
        if number == self.number:
            return self.raw
        number -= self.last
        if self.said is None or self.number is None:
            return FORMS[self.form].write(number)
        if self.item is None:
            return self.said.written(number)
        if self.said.in_part:
            return with_number(self.raw, str(self.item), self.number - self.last, number)
        value: Any = dict(self.said.value) if isinstance(self.item, str) else list(self.said.value)
        value[self.item] = number
        return self.said.written(value)


class Deleted(msgspec.Struct, frozen=True):
    """The numbers of deleted records that the store keeps under `key` in a `form`; no loader asks for these records."""

    key: bytes
    form: str
    spans: tuple[Span, ...] = ()


class KeyList(msgspec.Struct, frozen=True):
    """Keys of records that the store keeps under `key`, written in a `form`: a list, or lists by the name of a set.

    With `file`, the list is not a record, and its key is the name of a file in the store's folder. `number` is the
    number of different keys, `entries` the number of items of the list, which is larger if a key is repeated. A list
    that is `partial` need not name every record; lists that are a `share` name every record together. A list with
    `sizes` also has the heights and widths of pictures. `kept_in` is the database that holds the list, if that is not
    the database of the records. `places` are those of lists inside another value. The items of a list belong by
    position to those of the lists `beside` it; so do the items of the lists inside it that an item of `pairs` names.
    If the lists hold numbers, these are numbers in keys of the `pattern`, if they hold names of samples, these are
    those in keys by `naming`; they are `sure` to be that by their names. `groups` is the number of lists in a mapping.
    """

    key: bytes
    form: str
    number: int
    file: bool = False
    entries: int = 0
    partial: bool = False
    sizes: bool = False
    share: bool = False
    kept_in: str | None = None
    places: tuple[Place, ...] = ()
    beside: tuple[bytes, ...] = ()
    pairs: tuple[str, ...] = ()
    pattern: Pattern | None = None
    naming: Naming | None = None
    sure: bool = False
    groups: int = 0

    @property
    def name(self) -> str:
        return located_key(self.key, self.kept_in)

    @property
    def paired(self) -> list[str]:
        """The names of lists whose items belong together by position, as one text for each pairing."""
        within = [f"{plain(it)} in {self.name}" for it in self.pairs]
        return [*within, *([", ".join(map(escape, sorted((self.key, *self.beside))))] if self.beside else [])]


UNCOUNTED = -1
"""Used as the number of keys if there are too many to be compared."""


class Listed(msgspec.Struct, frozen=True):
    """The result of comparing a list with the keys of the store: listed keys that are missing, and unlisted records.

    With `within`, the list is inside another value, used in unknown ways unless its name is one of records (`sure`). If
    the values of records name the keys, `of_records` is their name; if each names one, `entries` are pairs of the named
    key and the record's, `ordered` if they are texts or windows rather than sets. `unsure` ones may stand for nothing,
    as "none" does. With `numbers`, these are listed. Records `lacking` have no entry in a mapping of nearly all.
    """

    key: bytes
    number: int
    missing: tuple[bytes, ...]
    unlisted: int
    kept_in: str | None = None
    within: bool = False
    of_records: str | None = None
    entries: tuple[tuple[bytes, bytes], ...] = ()
    ordered: bool = False
    unsure: bool = False
    sure: bool = False
    numbers: bool = False
    lacking: tuple[bytes, ...] = ()

    @property
    def name(self) -> str:
        return self.of_records or located_key(self.key, self.kept_in)


class ListWithin(msgspec.Struct, frozen=True):
    """Lists of keys of records, or of their `numbers`, inside the value of `key` in the database `kept_in`.

    `names` are the names of mapping entries that lead to the lists. `places` are the places of the keys, if these are
    certainly keys. If a copy can keep the lists true, `form` is how the value is written. The entries in `counts` of
    the mapping that holds the list are the number of its keys; in `beside` are the paths of others, with the places of
    the keys. `numbers` are those in keys of the `pattern`, if it is known; they are `sure` to be that if the lists have
    the names of sets of samples. `count` may count the rows. With `naming`, names are listed rather than keys.
    """

    key: bytes
    kept_in: str
    names: tuple[str, ...] = ()
    numbers: bool = False
    form: str = ""
    places: tuple[Place, ...] = ()
    counts: tuple[str, ...] = ()
    pattern: Pattern | None = None
    sure: bool = False
    count: Count | None = None
    beside: tuple[tuple[tuple[str, ...], Place], ...] = ()
    naming: Naming | None = None

    def as_list(self, part: str) -> KeyList:
        """Return the lists of keys as one list for a database, which need not name every record."""
        at = None if self.kept_in == part else self.kept_in
        return KeyList(
            *(self.key, self.form, 0),
            partial=True,
            kept_in=at,
            places=self.places,
            pattern=self.pattern,
            naming=self.naming,
            sure=self.sure,
        )


class FrameCounts(msgspec.Struct, frozen=True):
    """The numbers of frames of clips: as the mapping under `key` has `said`, and as they are `there`.

    If it has too `many`, they are not compared, and both are empty. If it says more of each clip, in `entries`, the
    number is there under each of the names in `fields`.
    """

    key: bytes
    form: str
    said: dict[Any, int]
    there: dict[bytes, int] = {}
    many: bool = False
    fields: tuple[str, ...] = ()
    entries: dict[Any, dict[str, Any]] = {}


class ClipCounts(msgspec.Struct, frozen=True):
    """The numbers of frames of clips: as a record for each clip has `said`, and as they are `there`, by kind.

    Keys are the name of a clip with two texts `around` it; numbers may be the `item` of a mapping. With `of_whole`, the
    clips are sets of which the store may hold a part. There are `more` clips than are compared. The records of the
    clips in `unread` hold no such number.
    """

    around: tuple[bytes, bytes]
    kinds: tuple[FrameKind, ...]
    item: str | None = None
    said: dict[bytes, Count] = {}
    there: dict[FrameKind, dict[bytes, int]] = {}
    of_whole: bool = False
    more: bool = False
    unread: frozenset[bytes] = frozenset()

    def number(self, clip: bytes) -> int:
        """Return how many frames a clip has according to its record."""
        return self.said[clip].number or 0

    def uncounted(self, keys: Iterable[bytes]) -> frozenset[bytes]:
        """Return the keys that the numbers of clips with frames among `keys` would have, without those in `said`."""
        before, after = self.around
        clips = {clip for key in keys for kind in self.kinds if (clip := kind.clip(key)) is not None}
        return frozenset(before + clip + after for clip in clips - self.said.keys())

    def fewest_frames(self, clip: bytes) -> int:
        """Return how many frames of every kind a clip has: the smallest number of any kind."""
        return min(frames.get(clip, 0) for frames in self.there.values())


class ClipTotals(msgspec.Struct, frozen=True):
    """Numbers and `lists` of clips, and how many `frames` each has, by name or by folder, or other keys (`others`)."""

    counts: tuple[Count, ...]
    lists: dict[bytes, Stored] = {}
    frames: dict[bytes, int] = {}
    folders: bool = False
    others: dict[bytes, list[bytes]] = {}


class Convention(msgspec.Struct, frozen=True):
    """One convention, as found in a store.

    `parts` are the patterns of the records of one sample. `base` is the number that its loader begins to count from, or
    None if it does not count. Records with the keys in `own` belong to the convention itself and are not samples. If
    the convention is `named`, what does not fit it is wrong; if it was only recognised by similar keys, that may be
    intended. `dense` numbers have no gaps, whatever they begin with. `shapes` are the shapes that the store declares
    for the values of a family of keys, by the family's name. `stems` are the endings of the keys of one sample if no
    numbers identify it. `unread` are the keys of its lists that cannot be read. `further` are patterns of records that
    are parts of the samples if their numbers show it, and that no loader is known to ask for. `digits` is the number of
    digits in the keys that its loader asks for. Records with the keys in `aside` are about the others: counts and lists
    of samples may leave them out. If the records are frames, `clips` are those that the sampled keys name.
    """

    name: str
    parts: tuple[Pattern, ...] = ()
    counts: tuple[Count, ...] = ()
    lists: tuple[KeyList, ...] = ()
    deleted: Deleted | None = None
    base: int | None = None
    own: frozenset[bytes] = frozenset()
    named: bool = True
    dense: bool = False
    shapes: Mapping[str, tuple[int, ...]] = msgspec.field(default_factory=dict)
    stems: Stems | None = None
    unread: tuple[bytes, ...] = ()
    frames: Frames | None = None
    naming: Naming | None = None
    further: tuple[Pattern, ...] = ()
    digits: int | None = None
    aside: frozenset[bytes] = frozenset()
    clips: ClipNames | None = None


class LeftOut(msgspec.Struct, frozen=True):
    """Numbers that say how many records were `kept` by the writer of a store, and how many were `skipped`."""

    kept: tuple[Count, ...] = ()
    skipped: tuple[Count, ...] = ()

    def explains(self, kept: int, missing: int) -> bool:
        """Return whether these are the numbers of records that were kept or skipped."""
        return any(it.number == kept for it in self.kept) or any(it.number == missing for it in self.skipped)


class Known(msgspec.Struct, frozen=True):
    """Everything that is known of the conventions of one database.

    `listed` are the results of comparing its lists of keys. `stems` are the samples that are identified by texts rather
    than numbers, `across` the samples that span several databases. `within` are lists of its records that a copy does
    not keep true. `share` says that the store, by its name or its metadata, holds a part of a set. `left_out` says how
    many records were left out on purpose, `totals` which clips there are. With `brief`, only some of its keys were
    looked at for counts and lists of its own.
    """

    conventions: tuple[Convention, ...] = ()
    listed: Sequence[Listed] = ()
    stems: StemGroups | None = None
    across: Spanning | None = None
    within: tuple[ListWithin, ...] = ()
    indexes: tuple[Index, ...] = ()
    frames: tuple[FrameCounts, ...] = ()
    clips: tuple[ClipCounts, ...] = ()
    parallel: tuple[Parallel, ...] = ()
    share: bool = False
    brief: bool = False
    left_out: LeftOut = LeftOut()
    totals: ClipTotals | None = None

    @property
    def own(self) -> frozenset[bytes]:
        """The keys of the records that belong to the conventions themselves."""
        return frozenset().union(*(it.own for it in self.conventions))

    @property
    def aside(self) -> frozenset[bytes]:
        """The keys of the records that are about the others."""
        return frozenset().union(*(it.aside for it in self.conventions))
