"""Show conventions the keys and values of a database; values are read only if a convention asks for them."""

from __future__ import annotations

from datacheck.backends.interface import Reader
from datacheck.conventions.interface import StoreView
from datacheck.conventions.keys.numbered_keys import patterns
from datacheck.conventions.values.side_files import side_file
from datacheck.scanning.keys.absent_keys import AbsentKeys
from datacheck.scanning.keys.keys_read import value_of
from datacheck.workers.interface import Watch

REMEMBERED = 64 << 10
"""Maximum size in bytes of a value that is kept, as absent keys are: several conventions ask for the same."""


def view_of(reader: Reader, watch: Watch, part: str, keys: frozenset[bytes], *, whole: bool) -> StoreView:
    """Return the view of a database; `whole` says that `keys` are all of its keys, otherwise they are some."""
    absent = AbsentKeys(reader, part)
    read: dict[bytes, bytes | None] = {}

    def value(key: bytes) -> bytes | None:
        if key in read:
            return read[key]
        if whole and key not in keys:
            return None  # without a note: many databases are asked for dozens of names, and nothing is read
        watch.note(None)
        raw = None if key not in keys and absent.lacks(key) else value_of(reader, key, part)
        if raw is None or len(raw) <= REMEMBERED:
            read[key] = raw
        return raw

    def file(name: bytes) -> bytes | None:
        return None if part else side_file(reader.path, name)

    return StoreView(patterns(keys), value, file, keys)
