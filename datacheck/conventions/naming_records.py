"""Records that name the keys of others: the frames of a clip, or the pictures of a class."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import msgspec

from datacheck.conventions.keys.numbered_keys import KeyTable, Pattern
from datacheck.conventions.values.aligned import with_keys
from datacheck.conventions.values.rewriting import Place
from datacheck.conventions.values.sibling_counts import sibling_counts, with_number
from datacheck.conventions.values.stored_lists import stored_list
from datacheck.conventions.values.stored_values import FORMS, is_key_list, key_of, same_kind
from datacheck.model.escaping import escape
from datacheck.model.key_families import fold

SEPARATORS = {f"texts{it!r}": it for it in ("|", ", ", ",", ";", "\n", "\t", " ")}
"""What separates the names in a text, by the name of the form, in the order in which they are tried."""

IN_PART = "part of "
"""Before the name of a form whose values are read in part, and cannot be written again."""
ALIKE = 2
"""Minimum average number of clips whose names differ only in their numbers; otherwise each may have any name."""


class Clip(msgspec.Struct, frozen=True):
    """How a record and the frames that it names are called after a clip.

    The record's key is the clip's name and an `ending`. A frame's key is the clip's name, what lies `between`, the name
    in the list, and what comes `after`. `example` is the key of such a record. The names may be numbers, which have
    `width` digits or more in keys, and the list may be the entry `field` of a mapping.
    """

    ending: bytes
    between: bytes
    after: bytes
    example: bytes = b""
    width: int | None = None
    field: str = ""

    def names(self, value: Any) -> list[Any] | None:
        """Return the names of frames in a parsed value, or None if it has another form."""
        if self.field:
            value = value.get(self.field) if isinstance(value, dict) else None
        if self.width is None:
            return value if isinstance(value, list) and is_key_list(value) else None
        if not isinstance(value, list) or not all(type(it) is int and it >= 0 for it in value):
            return None
        return [b"%0*d" % (self.width, it) for it in value]

    def rewritten(self, value: Any, names: Sequence[Any]) -> Any:
        """Return a parsed value with other names of frames, and with their number where it is beside them."""
        new = list(names) if self.width is None else list(map(int, names))
        if not self.field:
            return same_kind(value, new)
        place = Place((self.field,), "items")
        for path, _ in sibling_counts(value, [place]):
            value = with_number(value, path, len(new))
        return {**value, self.field: same_kind(value[self.field], new)}

    def has(self, key: bytes) -> bool:
        """Return whether a key may be that of such a record."""
        return key.endswith(self.ending) if self.ending else self.between not in key

    def before(self, key: bytes) -> bytes:
        """Return what the keys of the frames begin with that the record with this key names."""
        return key[: len(key) - len(self.ending)] + self.between

    def names_others(self, missing: Collection[bytes], every: Collection[bytes]) -> bool:
        """Return whether the records of most clips hold numbers of `missing` frames; `every` are all that they hold.

        Such numbers are rather times, ends or positions than those in keys.

        >>> every = [b"v1/0", b"v1/1", b"v2/0", b"v2/1"]
        >>> Clip(b"", b"/", b"", width=1).names_others([b"v1/1", b"v2/1"], every)
        True
        """
        if self.width is None:
            return False
        lacking, clips = ({it.rpartition(self.between)[0] for it in keys} for keys in (missing, every))
        return 2 * len(lacking) > len(clips)

    def unlike(self, missing: Collection[bytes], there: Collection[bytes]) -> set[bytes]:
        """Return those of the missing keys that are no frames: classes, a size or a count may stand in a record too.

        Their record names no frame that is there. What it names is unlike the names of frames, or its key is unlike
        those of clips while these are alike, or it names a single one.

        >>> there = [b"vid1/001", b"vid2/001"]
        >>> sorted(Clip(b"", b"/", b"").unlike([b"vid1/02", b"vid3/001", b"classes/run", b"size/064"], there))
        [b'classes/run', b'size/064']
        """
        frames = [it.rpartition(self.between) for it in there]
        clips, shapes = {it[0] for it in frames}, {(fold(it[2]), len(it[2])) for it in frames}
        names = set(map(fold, clips))
        are_alike = ALIKE * len(names) <= len(clips)
        others: dict[bytes, list[bytes]] = {}
        for key in missing:
            name, _, rest = key.rpartition(self.between)
            if name not in clips:
                others.setdefault(name, []).append(rest)
        result: set[bytes] = set()
        for name, rests in others.items():
            no_clip = fold(name) not in names and (are_alike or len(rests) == 1)
            unlike = (it for it in rests if no_clip or (fold(it), len(it)) not in shapes)
            result.update(name + self.between + it for it in unlike)
        return result


class Index(msgspec.Struct, frozen=True):
    """Records of the database `kept_in` that name the keys of records: all of its records, or those of a `pattern`.

    A value is a key, or a list of keys that is written in a `form`. With `clip`, it is a list of what the keys of a
    clip's frames differ in. The lists are `fixed` if something else depends on them, or if they cannot be written.
    """

    kept_in: str
    pattern: Pattern | None = None
    form: str = ""
    clip: Clip | None = None
    fixed: bool = False

    @property
    def name(self) -> str:
        """The name of these records in messages."""
        return ":".join(it for it in (self.kept_in, self.within) if it)

    @property
    def within(self) -> str:
        """The name of these records in their database; empty if they are all of its records."""
        if self.clip is not None:
            return f"{escape(self.clip.example)} and the like"
        return "" if self.pattern is None else escape(self.pattern.before) + "#" + escape(self.pattern.after)

    @property
    def is_text(self) -> bool:
        """Whether the values are texts, which cannot be lists of nothing."""
        return self.form in SEPARATORS

    @property
    def of_all_clips(self) -> bool:
        """Whether one record lists the frames of all clips."""
        return False

    def rows(self, keys: Sequence[bytes]) -> Iterator[int]:
        """Yield the positions of these records among neighbouring keys."""
        if self.clip is not None:
            yield from (row for row, key in enumerate(keys) if self.clip.has(key))
        else:
            yield from range(len(keys)) if self.pattern is None else self.pattern.numbers(KeyTable(keys))[0].tolist()

    def key_lists(self, key: bytes, value: bytes) -> list[list[bytes]]:
        """Return the keys that the value of the record with this key names, one list for each that it holds."""
        return [self.keys(key, value) or []]

    def keys(self, key: bytes, value: bytes) -> list[bytes] | None:
        """Return the keys that the value of the record with this key names, or None if it has another form."""
        if not self.form:
            return [value]
        items = self._items(value)
        if items is None:
            return None
        before, after = self._around(key)
        return [before + key_of(it) + after for it in items if it]

    def _around(self, key: bytes) -> tuple[bytes, bytes]:
        """Return what comes before and after a name in a list, in the key of the record that it names."""
        return (b"", b"") if self.clip is None else (self.clip.before(key), self.clip.after)

    def others(self, missing: Collection[bytes], every: Collection[bytes]) -> set[bytes]:
        """Return those of the missing keys that name nothing that should be there; `every` are all that are named."""
        return set() if self.clip is None or not missing else self.clip.unlike(missing, {*every} - {*missing})

    def rewritten(self, key: bytes, value: bytes, new: Callable[[bytes], bytes | None]) -> bytes:
        """Return the value of the record with this key in a copy; `new` returns the key of a record there, or None."""
        items = self._items(value)
        if items is None:
            return value
        before, after = self._around(key)

        def renamed(item: bytes) -> bytes | None:
            moved = new(before + item + after) if item else item
            return moved[len(before) : len(moved) - len(after)] if moved else moved

        changed = with_keys(items, renamed)
        if changed == items:
            return value
        if self.is_text:
            return SEPARATORS[self.form].join(changed).encode()
        new_value = changed if self.clip is None else self.clip.rewritten(FORMS[self.form].read(value), changed)
        return FORMS[self.form].write(new_value)

    def _items(self, value: bytes) -> list[Any] | None:
        if self.clip is None or self.is_text or (self.clip.width is None and not self.clip.field):
            return read_items(self.form, value)
        return self.clip.names(parsed_value(self.form, value))


def parsed_value(form: str, value: bytes) -> Any:
    """Return a value in this form, or None if it has another one."""
    if not form.startswith(IN_PART):
        return FORMS[form].read(value)
    parsed = stored_list(value)
    return parsed.value if parsed is not None and form == IN_PART + parsed.form else None


def read_items(form: str, value: bytes) -> list[Any] | None:
    """Return the texts in a value of this form, or None if it has another one."""
    if form in SEPARATORS:
        try:
            return value.decode().split(SEPARATORS[form])
        except UnicodeDecodeError:
            return None
    parsed = parsed_value(form, value)
    return parsed if not isinstance(parsed, dict) and is_key_list(parsed) else None
