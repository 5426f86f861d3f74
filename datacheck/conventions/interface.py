"""What a project keeps beside its records, as a value: counts, lists of keys, numbers without gaps, groups.

A convention is recognised by what lies in a store, checked by what the keys of a scan add up to, and made true again
by a rebuild.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from datacheck.conventions.numbered_keys import KeyTable, Pattern
from datacheck.conventions.parts import parts_of
from datacheck.conventions.rewriting import Place
from datacheck.conventions.runs import Span
from datacheck.conventions.sequences import Frames
from datacheck.conventions.spanning import Naming, Spanning
from datacheck.conventions.stems import StemGroups, Stems
from datacheck.conventions.stored_values import FORMS, Stored, is_key_list, keys_in, stored
from datacheck.model.escaping import escape, plain

Value = Callable[[bytes], "bytes | None"]
"""Returns the value of a key of the store, None where there is no such key."""


ALL = ""
"""Stands for all families of keys where shapes are told by family."""
FEWEST = 64
"""One in so many of the sampled keys is a fair share."""
ALL_TOGETHER = "all databases together"
"""Stands for them where the name of a database does."""
LARGEST = 1 << 62
"""No store has so many records."""


class StoreView(msgspec.Struct, frozen=True):
    """What recognising a convention may look at.

    These are the patterns of the sampled keys and how often each came, the value of a key, what a file holds that lies
    in the store's folder, and the sampled keys.
    """

    patterns: Mapping[Pattern, int]
    value: Value
    file: Value
    keys: Collection[bytes] = ()
    _stored: dict[bytes, Stored | None] = msgspec.field(default_factory=dict)

    @property
    def frequent(self) -> tuple[Pattern, ...]:
        """The patterns that a fair share of the sampled keys have: of digests each has a pattern of its own."""
        return tuple(it for it, count in self.patterns.items() if count * FEWEST >= len(self.keys))

    @property
    def parts(self) -> tuple[Pattern, ...]:
        """The frequent patterns that may be the parts of a sample."""
        return parts_of(self.frequent)

    def stored(self, key: bytes) -> Stored | None:
        """Return what the value of a key says, None where that is nothing that is known; it is read once."""
        if key not in self._stored:
            raw = self.value(key)
            self._stored[key] = None if raw is None else stored(raw)
        return self._stored[key]

    def pattern(self, before: bytes, after: bytes = b"") -> Pattern | None:
        """Return the pattern that most of the sampled keys of this form have, None where there are none."""
        return next((it for it in self.patterns if (it.before, it.after) == (before, after)), None)


def named_in(key: bytes, part: str | None) -> str:
    """Return a key as people read it, with the database that holds it; None for that stands for its records' own."""
    if part is None:
        return escape(key)
    return f"{escape(key)} in the {f'database {part}' if part else 'main database'}"


class Count(msgspec.Struct, frozen=True):
    """A number of records that the store keeps under `key`.

    `said` is what lies there, None where that could be read as no value. `item` is the place of the number in a
    list or a mapping, None where the value is the number. With `next` it is no count, but the number of the next
    new record. With `last` it is that of the last record, one less than there are. With `of_list` it is the number
    of keys in the list under that key. `form` is how a number is written where none could be read. `kept_in` is the
    database that holds it, where that is another one than the records are in. One `of_all` is of the records of all
    other databases; one `of_none` is near to the number of none, whatever it may count. One that is `near` a
    database's number of records, by the name of it and that number, may count these or something else; one `of_all` is
    then of these, and not true. `otherwise`
    is what else the bytes may say: of 49 in msgpack there is the text "1".
    """

    key: bytes
    said: Stored | None
    raw: bytes = b""
    item: int | str | None = None
    next: bool = False
    last: bool = False
    of_list: bytes | None = None
    form: str = "decimal"
    kept_in: str | None = None
    of_all: bool = False
    of_none: bool = False
    near: tuple[str, int] | None = None
    otherwise: Stored | None = None

    @property
    def counts(self) -> bool:
        """Whether it is known to count the records of one database, or the keys of a list."""
        return not (self.of_all or self.of_none or self.near)

    @property
    def name(self) -> str:
        """Its key as people read it, with the database that holds it where that is another one."""
        name = named_in(self.key, self.kept_in)
        return f"{escape(self.called)} in {name}" if isinstance(self.item, str) else name

    @property
    def called(self) -> bytes:
        """The name of the count: its key, or its name in a mapping."""
        return self.item.encode() if isinstance(self.item, str) else self.key

    @property
    def number(self) -> int | None:
        """The number, None where there is no whole number: 60.0 is, to a loader, none, and 10**30 counts nothing."""
        value = None if self.said is None else self.said.value
        if isinstance(self.item, str):
            value = value.get(self.item) if isinstance(value, dict) else None
        elif self.item is not None:
            value = value[self.item] if isinstance(value, list) and len(value) > self.item else None
        return value + self.last if type(value) is int and abs(value) < LARGEST else None

    @property
    def fraction(self) -> float | None:
        """The number where it is written as one that need not be whole, as 60.0."""
        value = None if self.said is None or self.item is not None else self.said.value
        return value if type(value) is float else None

    def written(self, number: int) -> bytes:
        """Return the bytes that say a number, in the form of these; these themselves where they say it."""
        if number == self.number:
            return self.raw
        number -= self.last
        if self.said is None or self.number is None:
            return FORMS[self.form].write(number)
        if self.item is None:
            return self.said.written(number)
        value: Any = dict(self.said.value) if isinstance(self.item, str) else list(self.said.value)
        value[self.item] = number
        return self.said.written(value)


class Deleted(msgspec.Struct, frozen=True):
    """The numbers of deleted records that the store keeps under `key`, in a `form`: no loader asks for those."""

    key: bytes
    form: str
    spans: tuple[Span, ...] = ()


class KeyList(msgspec.Struct, frozen=True):
    """Keys of records that the store keeps under `key`, written in a `form`: a list, or lists by the name of a set.

    A list in a `file` is no record: its key is the name of a file in the store's folder. `number` counts the keys,
    `entries` their places in the list, which are more where a key is there twice. A list that is `partial` need not
    name every record; one that is a `share` does so together with the others that are. One with `sizes` tells the
    heights and widths of pictures too. `kept_in` is the database that holds it, where that is another one than the
    records are in. Lists within another value have `places` there. The items of a list belong to those of the lists
    `beside` it, place by place. So do those of the lists within it that are named in an item of `pairs`.
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

    @property
    def name(self) -> str:
        return named_in(self.key, self.kept_in)

    @property
    def paired(self) -> list[str]:
        """The names of lists whose items belong together place by place, in words, of each pairing."""
        within = [f"{plain(it)} in {self.name}" for it in self.pairs]
        return [*within, *([", ".join(map(escape, sorted((self.key, *self.beside))))] if self.beside else [])]


UNCOUNTED = -1
"""Stands for the number of keys where they are too many to be compared."""


class Listed(msgspec.Struct, frozen=True):
    """What comparing a list with the keys of the store came to: listed keys that are not there, records in no list.

    Nothing tells what a loader makes of one that is `within` another value. What the values of other records name goes
    by the name `of_records`; where each names one, `entries` are these: what is named, and the key of the record. If
    these are `ordered`, they are texts or windows of neighbours rather than sets. Missing keys are `unsure` that may
    stand for nothing, as "none" does.
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

    @property
    def name(self) -> str:
        return self.of_records or named_in(self.key, self.kept_in)


class ListWithin(msgspec.Struct, frozen=True):
    """Lists of keys of records, or of their `numbers`, in the value of `key` in the database `kept_in`.

    `names` are those of the entries of mappings that lead to all of them. `places` are those of the keys, if these are
    surely keys. Where a copy can have them true, `form` is how the value is written.
    """

    key: bytes
    kept_in: str
    names: tuple[str, ...] = ()
    numbers: bool = False
    form: str = ""
    places: tuple[Place, ...] = ()

    def as_list(self, part: str) -> KeyList:
        """Return the lists of keys of a database as one, which need not name every record."""
        kept_in = None if self.kept_in == part else self.kept_in
        return KeyList(self.key, self.form, 0, partial=True, kept_in=kept_in, places=self.places)


class Index(msgspec.Struct, frozen=True):
    """Records of the database `kept_in` that name the keys of records: all of its records, or those of a `pattern`.

    A value is a key, or a list of keys that is written in a `form`.
    """

    kept_in: str
    pattern: Pattern | None = None
    form: str = ""

    @property
    def name(self) -> str:
        """What is to be read as the name of these records."""
        within = "" if self.pattern is None else escape(self.pattern.before) + "#" + escape(self.pattern.after)
        return ":".join(it for it in (self.kept_in, within) if it)

    def rows(self, keys: Sequence[bytes]) -> Iterator[int]:
        """Yield the rows of these records among neighbouring ones."""
        yield from range(len(keys)) if self.pattern is None else self.pattern.numbers(KeyTable(keys))[0].tolist()

    def keys(self, value: bytes) -> list[bytes] | None:
        """Return the keys that a value names, None where it is of another form."""
        if not self.form:
            return [value]
        said = FORMS[self.form].read(value)
        return list(keys_in(said)) if said is not None and is_key_list(said) else None


class FrameCounts(msgspec.Struct, frozen=True):
    """How many frames each clip has, as a mapping under `key` has `said`, and how many are `there`."""

    key: bytes
    form: str
    said: dict[Any, int]
    there: dict[bytes, int] = {}


class FrameKind(msgspec.Struct, frozen=True):
    """A kind of frames: what is between the name of a clip and the number of a frame in a key, and behind that."""

    between: bytes
    after: bytes

    def clip(self, key: bytes) -> bytes | None:
        """Return the name of the clip that a frame is of, None where a key is none of this kind."""
        if not key.endswith(self.after):
            return None
        stem = key[: len(key) - len(self.after)].rstrip(b"0123456789")
        numbered = len(stem) + len(self.after) < len(key)
        return stem[: len(stem) - len(self.between)] or None if numbered and stem.endswith(self.between) else None


class ClipCounts(msgspec.Struct, frozen=True):
    """How many frames each clip has, as a record of each has `said`, and how many of each kind are `there`.

    The keys of these records have the name of the clip with something `around` it.
    """

    around: tuple[bytes, bytes]
    kinds: tuple[FrameKind, ...]
    said: dict[bytes, Count] = {}
    there: dict[FrameKind, dict[bytes, int]] = {}

    def number(self, clip: bytes) -> int:
        """Return how many frames a clip is said to have."""
        return self.said[clip].number or 0

    def left(self, clip: bytes) -> int:
        """Return how many frames of each kind a clip has."""
        return min(of.get(clip, 0) for of in self.there.values())


class Parallel(msgspec.Struct, frozen=True):
    """A list or an array that may have an item for each record: its key, what it is called in its value, its length."""

    key: bytes
    name: str
    items: int


class Convention(msgspec.Struct, frozen=True):
    """One convention, as a store has it.

    `parts` are the patterns of the records of one sample; `base` is the number that its loader begins to count from,
    None where it does not count. Records with the keys in `own` are the convention's, and no samples. Under a `named`
    one what does not fit is wrong; what is only found by likeness may be meant. `dense` numbers have no gaps, whatever
    they begin with. `shapes` are those that the store tells of the values of a family of keys, by its name. `stems` are
    the endings of the keys of one sample where no numbers tell it. `unread` are the keys of its lists that cannot be
    read. `further` are patterns of records that are parts of the samples if their numbers show it, and that no loader
    is known to ask for. `digits` are those of the numbers that its loader asks for. Records with the keys `aside` are
    about the others: counts and lists of samples may leave them out.
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


class Known(msgspec.Struct, frozen=True):
    """What is known of the conventions of one database.

    `listed` is what comparing its lists of keys came to, `stems` are the samples that no number tells, `across` those
    of which other databases have records too. `within` are lists of its records that a copy does not keep true.
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

    @property
    def own(self) -> frozenset[bytes]:
        """The keys of the records that are the conventions'."""
        return frozenset().union(*(it.own for it in self.conventions))

    @property
    def aside(self) -> frozenset[bytes]:
        """The keys of the records that are about the others."""
        return frozenset().union(*(it.aside for it in self.conventions))
