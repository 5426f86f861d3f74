"""The form of lists of keys that are pickled in the store: `__keys__` has "a.jpg" for the key pickle.dumps("a.jpg").

A key may also be a tuple, such as ("video", 3).
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import msgspec

PICKLED_KEYS = "pickled keys of "


def pickled_keys(form: Any) -> Any:
    """Return the form of a list in this form of pickles that reads and writes its items as the keys in the store."""
    name: str = form.name
    protocol = int(name.rpartition(" ")[2])

    def keys(raw: bytes) -> Any:
        items = form.read(raw)
        if not isinstance(items, list) or not all(map(_may_be_key, items)):
            return None
        result = copy.copy(items)  # it stays a set if it is one
        result[:] = [pickled(_original(it), protocol) for it in items]
        return result

    def written(value: Any) -> bytes:
        items = copy.copy(value)
        items[:] = map(form.read, value)
        return bytes(form.write(items))

    return msgspec.structs.replace(form, name=PICKLED_KEYS + name, read=keys, write=written)


def pickled(item: Any, protocol: int) -> bytes:
    """Return the key of an item in a store whose keys are pickled."""
    return pickle.dumps(item, protocol)


def _may_be_key(item: Any) -> bool:
    """Return whether an item, in which tuples are OtherItems, may be a key."""
    if isinstance(item, list):
        return getattr(item, "kind", "") == "tuple" and all(it is None or _may_be_key(it) for it in item)
    return isinstance(item, (str, bytes, int, float))


def _original(item: Any) -> Any:
    """Return an item as it was pickled, with its tuples."""
    return tuple(map(_original, item)) if isinstance(item, list) else item
