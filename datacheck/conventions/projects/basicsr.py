"""Pictures keyed by name, with a file that lists all of them: BasicSR, MMagic, KAIR (lmdb_util.py).

`meta_info.txt` in the store's folder has a line for each picture, "0001_s001.png (480,480,3) 1": its name, height,
width, channels and compression level. Keys are the names without suffix.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, KeyList, StoreView
from datacheck.conventions.values.stored_values import FORMS, keys_in

FILE, FORM = b"meta_info.txt", "meta-info"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if the folder contains a valid `meta_info.txt`, or None."""
    raw = store.file(FILE)
    lines = None if raw is None else FORMS[FORM].read(raw)
    if lines is None:
        return None
    return Convention("basicsr", lists=(KeyList(FILE, FORM, len(set(keys_in(lines))), file=True, sizes=True),))
