"""Proteins as JSON, numbered from 0: SaProt (dataset/lmdb_dataset.py).

Keys are `%d`; `length` holds their number as decimal text, `info` describes the contents of a record in words.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.projects.from_zero import from_zero, is_pickle

COUNT, INFO = b"length", b"info"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if records are numbered and both `length` and `info` exist, or None."""
    if store.value(INFO) is None:
        return None
    return from_zero("saprot", store, COUNT, lambda raw: not is_pickle(raw), own=(INFO,))
