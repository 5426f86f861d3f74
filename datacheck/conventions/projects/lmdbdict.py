"""Any values under pickled keys: lmdbdict (lmdbdict/lmdbdict.py).

`__keys__` holds the pickled set of the keys, each as it was before it was pickled. How keys and values are pickled is
in `__key_dumps__` and three records like it; None stands for pickle.dumps. Keys that are texts are not pickled.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, KeyList, StoreView
from datacheck.conventions.listed import KEYS
from datacheck.conventions.values.pickled_keys import PICKLED_KEYS
from datacheck.conventions.values.stored_values import FORMS

OWN = (b"__key_dumps__", b"__key_loads__", b"__value_dumps__", b"__value_loads__")


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if `__keys__` lists the pickled keys of the store, or None."""
    raw = store.value(KEYS)
    parsed = store.stored(KEYS)
    form = "" if parsed is None else PICKLED_KEYS + parsed.form
    keys = FORMS[form].read(raw) if raw is not None and form in FORMS else None
    if not keys or not any(it in store.keys for it in keys):
        return None
    key_list = KeyList(KEYS, form, len(set(keys)), entries=len(keys))
    return Convention("lmdbdict", (), (), (key_list,), own=frozenset((KEYS, *OWN)), named=False)
