"""Finding the records that list the frames of a clip takes few lookups, and mixes no databases."""

import json

from datacheck.conventions.indexes import indexes
from datacheck.conventions.interface import StoreView
from datacheck.conventions.keys.numbered_keys import patterns


def view(values):
    return StoreView(patterns(values), values.get, values.get, frozenset(values))


def test_frames_without_leading_zeros_are_looked_up_once():
    """Half of a clip's numbers begin with a 1, and the rest of each is no suffix of the names in a list."""
    names = [b"%d" % (at + 1) for at in range(200)]
    lists = {b"vid%02d" % clip: json.dumps([it.decode() for it in names]).encode() for clip in range(12)}
    values = lists | {clip + b"/" + it: b"" for clip in lists for it in names}
    looked_up = []

    def small(_, key):
        looked_up.append(key)
        return values.get(key)

    shown = {it: values[it] for it in sorted(values)[::2]}
    found = [index for _, index in indexes({"": view(shown)}, {}, small) if index.clip is not None]
    assert [(it.form, it.clip.after) for it in found] == [("json", b"")]
    assert len(looked_up) < 400


def test_keys_of_one_database_and_lists_of_another_are_no_index():
    """A name may be a key of one database, and the words of a text keys of another."""
    pictures, words = {b"cat": b"", b"dog": b""}, {b"a": b"", b"man": b"", b"runs": b""}

    def index_of(*values):
        notes = {b"note%d" % at: value for at, value in enumerate(values)}
        databases = {"notes": notes, "pictures": pictures, "words": words}
        views = {name: view(it) for name, it in databases.items()}
        return [(part, it.form) for part, it in indexes(views, {}, lambda part, key: databases[part].get(key))]

    assert index_of(b"a man", b"a man runs", b"runs", b"man runs") == [("words", "texts' '")]
    assert index_of(b"a man", b"a man runs", b"cat", b"man runs") == []
