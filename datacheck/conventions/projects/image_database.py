"""Pictures of a video under pickled numbers, with a list of the keys: sign language translation (GFSLT-VLP and others).

`protocol` is the pickled protocol of the keys. The list lies under the pickled text "keys"; its items are the keys, or
what they were before they were pickled.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, KeyList, StoreView
from datacheck.conventions.values.pickled_keys import PICKLED_KEYS, pickled
from datacheck.conventions.values.stored_values import FORMS, is_key_list

PROTOCOL = b"protocol"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if `protocol` says how the list of keys is pickled, or None."""
    said = store.stored(PROTOCOL)
    protocol = None if said is None else said.value
    if type(protocol) is not int or not 2 <= protocol <= 5:
        return None
    key = pickled("keys", protocol)
    parsed, raw = store.stored(key), store.value(key)
    if parsed is None or raw is None:
        return None
    forms = (it for it in (parsed.form, PICKLED_KEYS + parsed.form) if it in FORMS)
    read = ((form, FORMS[form].read(raw)) for form in forms)
    found = next(((form, keys) for form, keys in read if _are_keys(keys, store)), None)
    if found is None:
        return None
    form, keys = found
    key_list = KeyList(key, form, len(set(keys)), entries=len(keys))
    return Convention("image-database", (), (), (key_list,), own=frozenset((key, PROTOCOL)), named=False)


def _are_keys(keys: object, store: StoreView) -> bool:
    """Return whether some items of a list are keys of the store."""
    return isinstance(keys, list) and is_key_list(keys) and any(it in store.keys for it in keys)
