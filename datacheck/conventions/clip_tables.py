"""Mappings from the names of clips to lists of their frames, which lie in one record beside the frames' records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from datacheck.conventions.naming_records import Index, parsed_value
from datacheck.conventions.values.standing import CLASSES
from datacheck.conventions.values.stored_values import FORMS, key_of, same_kind
from datacheck.model.escaping import escape, plain
from datacheck.model.sample_sets import SETS

NEARLY = 0.75
"""Minimum share of the clips that must have frames; otherwise the store may hold a part of the clips on purpose."""
DEEPEST = 3
"""Maximum depth of lists in the entry of a clip."""
Name = str | bytes | int
"""A name in a mapping, or a position in a list."""


class ClipTable(Index, frozen=True):
    """A record that lists the frames of every clip, by the clip's name.

    The value of `holder` is a mapping of clips, or has it at `path`. With `column`, it has a list of mappings instead,
    each with the name of its clip under that name. What the keys of all frames begin with is the `prefix`. With `deep`,
    an entry has such lists further inside, as of each object in the clip, which a copy keeps as they are.
    """

    holder: bytes = b""
    path: tuple[Name, ...] = ()
    column: str = ""
    prefix: bytes = b""
    deep: bool = False

    @property
    def within(self) -> str:
        return ": ".join([escape(self.holder), *(plain(str(it)) for it in self.path)])

    @property
    def of_all_clips(self) -> bool:
        return True

    def rows(self, keys: Sequence[bytes]) -> Iterator[int]:
        """Yield the position of the record among neighbouring keys."""
        yield from (row for row, key in enumerate(keys) if key == self.holder)

    def key_lists(self, key: bytes, value: bytes) -> list[list[bytes]]:
        """Return the keys of the frames of each clip."""
        assert self.clip is not None
        table = value_at(parsed_value(self.form, value), self.path)
        lists = []
        for _, name, entry in clip_entries(table, self.column):
            before = self.prefix + name + self.clip.between
            every = map(self.clip.names, lists_inside(entry, self.clip.field) if self.deep else [entry])
            lists += [[before + key_of(it) + self.clip.after for it in names or () if it] for names in every]
        return lists

    def keys(self, key: bytes, value: bytes) -> list[bytes] | None:
        return [it for keys in self.key_lists(key, value) for it in keys]

    def others(self, missing: Collection[bytes], every: Collection[bytes]) -> set[bytes]:
        """Return the missing keys that name nothing that should be there, such as all clips of a set beside a few."""
        others = super().others(missing, every)
        assert self.clip is not None
        between = self.clip.between
        there = {it.rpartition(between)[0] for it in {*every} - {*missing}}
        clips = {it.rpartition(between)[0] for it in {*every} - others}
        if len(there) < NEARLY * len(clips):
            others.update(it for it in missing if it.rpartition(between)[0] not in there)
        return others

    def rewritten(self, key: bytes, value: bytes, new: Callable[[bytes], bytes | None]) -> bytes:
        """Return the value in a copy; `new` returns the key of a record there, or None.

        A clip that loses all of its frames is none any more, unless its name is that of a set or a class.
        """
        parsed = parsed_value(self.form, value)
        entries, gone = dict[Name, Any](), set[Name]()
        for place, name, entry in clip_entries(value_at(parsed, self.path), self.column):
            entries[place] = self._new_entry(name, entry, new)
            if entries[place] is None:
                gone.add(place)
        changed = _with_entries(parsed, self.path, entries, gone)
        return value if changed == parsed else FORMS[self.form].write(changed)

    def _new_entry(self, name: bytes, entry: Any, new: Callable[[bytes], bytes | None]) -> Any:
        """Return the entry of a clip in a copy, or None if the clip goes."""
        assert self.clip is not None
        names = self.clip.names(entry)
        if not names:
            return entry
        before, after = self.prefix + name + self.clip.between, self.clip.after
        left = []
        for it in names:
            moved = new(before + key_of(it) + after)
            if moved is not None:
                moved = moved[len(before) : len(moved) - len(after)]
                left.append(moved.decode("utf-8", "surrogatepass") if isinstance(it, str) else moved)
        if not left and name.lower() not in SETS and name.decode("latin1").lower() not in CLASSES:
            return None
        return self.clip.rewritten(entry, left)


def value_at(value: Any, path: Sequence[Name]) -> Any:
    """Return the part of a value that these names lead to, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def clip_entries(table: Any, column: str) -> Iterator[tuple[Name, bytes, Any]]:
    """Yield the place of each clip in a mapping or a list of mappings, its name, and what is said of it."""
    if isinstance(table, dict) and not column:
        yield from ((name, _raw(name), entry) for name, entry in table.items())
    elif isinstance(table, list) and column:
        for at, row in enumerate(table):
            name = row.get(column) if isinstance(row, dict) else None
            if isinstance(name, (str, bytes, int)):
                yield at, _raw(name), row


def lists_inside(entry: Any, field: str, depth: int = 0) -> list[dict[str, Any]]:
    """Return the mappings inside an entry that have a list of this name, in mappings or lists of mappings.

    >>> lists_inside({"objects": {"1": {"frames": [0, 5]}, "2": {"frames": [5]}}}, "frames")
    [{'frames': [0, 5]}, {'frames': [5]}]
    """
    if isinstance(entry, dict) and isinstance(entry.get(field), list):
        return [entry]
    inside = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ()
    return [one for it in inside if depth < DEEPEST for one in lists_inside(it, field, depth + 1)]


def _raw(name: Name) -> bytes:
    return b"%d" % name if isinstance(name, int) else key_of(name)


def _with_entries(value: Any, path: Sequence[Name], entries: Mapping[Name, Any], gone: set[Name]) -> Any:
    """Return a value with new entries of clips; mappings of the same clips beside it lose those that are gone."""
    if isinstance(value, list):
        return same_kind(value, [entries.get(at, it) for at, it in enumerate(value) if at not in gone])
    if not path:
        return {name: entries.get(name, it) for name, it in value.items() if name not in gone}
    first, *rest = path
    return {
        name: _with_entries(it, rest, entries, gone) if name == first else _without_clips(it, entries, gone)
        for name, it in value.items()
    }


def _without_clips(value: Any, entries: Mapping[Name, Any], gone: set[Name]) -> Any:
    if not gone or not isinstance(value, dict) or value.keys() != entries.keys():
        return value
    return {name: it for name, it in value.items() if name not in gone}
