"""Spell the paths of the parts of a record: `obs/rgb`, `boxes[0]`, `"a/b"/c`; that of a bare value is `data`."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from datacheck.decoders.trees.tree import Box, Items, Keyed, Node
from datacheck.model.escaping import escape, plain

PAIRED = ("[1]", "[1][0]")
"""The paths of the label of a pair."""
ROOT = "data"
"""The path of a bare value."""
LABELS = frozenset({"label", "labels", "y", "target", "targets", "class", "cls"})
"""A field is a label if the last name of its path is one of these."""
KEY_LETTERS = 100
"""Maximum number of characters of a key; longer ones are cut, since paths are for people and a record may have many."""
KEY_DIGITS = 200
"""Maximum number of bits of an integer key that is spelled in digits."""
_ITEM = re.compile(r"(?:\[[0-9]+\])+\Z")
_QUOTED = re.compile(r'[/\["]')


def child_path(path: str, name: str) -> str:
    """Return the path of a part with this spelled name in the container at `path`, which is "" for the whole record."""
    return f"{path}/{name}" if path else name


def is_part(name: str, path: str) -> bool:
    """Check whether a field lies at a path, or in the container there.

    >>> is_part("obs/rgb", "obs"), is_part("obs[0]", "obs"), is_part("observed", "obs")
    (True, True, False)
    """
    return name == path or (name.startswith(path) and name[len(path)] in "/[")


def is_label(path: str) -> bool:
    """Check whether the name of the field at this path is that of a label.

    >>> is_label("obs/label"), is_label("y[0]"), is_label("labels/weights")
    (True, True, False)
    """
    return _ITEM.sub("", path).rpartition("/")[2] in LABELS


def spelled(key: Node) -> str:
    r"""Return the spelling of a key in a path.

    >>> spelled("rgb"), spelled("a/b"), spelled(3), spelled(b"\x00k"), spelled(Items(["user", "buys", "item"]))
    ('rgb', '"a/b"', '3', '\\x00k', '(user, buys, item)')
    """
    if isinstance(key, str):
        return _name(key) if len(key) <= KEY_LETTERS else _quoted(_shortened(key))
    if isinstance(key, (bytes, memoryview)):
        return _quoted(_shortened(escape(bytes(key[: KEY_LETTERS + 1]))))
    if isinstance(key, Items):
        return _tuple(key)
    return _simple(key)


@lru_cache(maxsize=1024)
def _name(key: str) -> str:
    """Return the spelling of a key that is a text; cached because all records of a store have the same keys."""
    return _quoted(key)


def _tuple(key: Items) -> str:
    """Spell a tuple of plain items, which heterogeneous graphs use as keys; containers in it are abbreviated."""
    parts = [spelled(it) if not isinstance(it, Items) else "(...)" for it in key.items[:8]]
    return f"({', '.join(parts)}{', ...' if len(key.items) > len(parts) else ''})"


def _simple(key: Node) -> str:
    if key is None or isinstance(key, (bool, float, complex)):
        return str(key)
    if isinstance(key, int):
        return str(key) if key.bit_length() <= KEY_DIGITS else f"{key >> key.bit_length() - 64:#x}..."
    if isinstance(key, Keyed):
        return plain(_shortened(key.kind or "a mapping"))
    if isinstance(key, Box):
        return "?" if isinstance(key.node, Box) else spelled(key.node)
    kind = getattr(key, "kind", None)
    if isinstance(kind, str):
        return plain(_shortened(kind))
    return _quoted(plain(_shortened(str(key)))) if getattr(key, "ndim", 1) == 0 else "an array"


def _shortened(text: str) -> str:
    return text if len(text) <= KEY_LETTERS else f"{text[:KEY_LETTERS]}..."


def _quoted(text: str) -> str:
    """Return a key unchanged, or in JSON quotes if it could be taken for more than one."""
    text = plain(text)
    return json.dumps(text) if not text or _QUOTED.search(text) else text
