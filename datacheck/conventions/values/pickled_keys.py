"""The form of lists of keys that are pickled in the store: `__keys__` has "a.jpg" for the key pickle.dumps("a.jpg")."""

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
        if not isinstance(items, list) or not all(isinstance(it, (str, bytes, int)) for it in items):
            return None
        result = copy.copy(items)  # it stays a set if it is one
        result[:] = [pickle.dumps(it, protocol) for it in items]
        return result

    def written(value: Any) -> bytes:
        items = copy.copy(value)
        items[:] = map(form.read, value)
        return bytes(form.write(items))

    return msgspec.structs.replace(form, name=PICKLED_KEYS + name, read=keys, write=written)
