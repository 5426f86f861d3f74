"""Features or texts keyed by name, with a list of the names: UNITER (scripts/convert_imgdir.py, prepro.py).

`__keys__` holds the names as a JSON list. `nbb_*.json`, `id2len.json`, `txt2img.json` and `img2txts.json` lie in the
folder of the store. They name records too; a copy does not include these files.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import KEYS, LEN, convention_of_list


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if such a list exists and `__len__` does not, or None."""
    if store.value(LEN) is not None:
        return None
    return convention_of_list("uniter", store, (KEYS,), lambda keys, form: form == "json" and isinstance(keys, list))
