"""Atoms as ASE's LMDB backend writes them: rows numbered by id from 1, with the next id and the deleted ids.

Keys are `%d`, all values zlib of JSON; `nextid` is the id of the next row, `deleted_ids` a list of the ids of deleted
rows, and `metadata` a mapping (ase_db_backends/aselmdb.py). A loader asks for every id below `nextid` that is not among
the deleted ones.
"""

from __future__ import annotations

from datacheck.conventions.interface import LARGEST, Convention, Count, Deleted, StoreView
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.values.stored_values import stored

NEXT, DELETED, METADATA = b"nextid", b"deleted_ids", b"metadata"
FORM = "zlib+json"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if rows are numbered and the next id is stored, or None."""
    raw, part = store.value(NEXT), store.pattern(b"")
    if raw is None or part is None or part.width > 1:
        return None
    own = {NEXT, *(it for it in (DELETED, METADATA) if store.value(it) is not None)}
    parsed = stored(store.value(DELETED) or b"")
    numbers = parsed.value if parsed is not None and isinstance(parsed.value, list) else []
    spans = Runs((it, it + 1) for it in numbers if type(it) is int and 0 <= it < LARGEST).spans
    deleted = Deleted(DELETED, FORM if parsed is None else parsed.form, tuple(spans))
    return Convention("ase", (part,), (Count(NEXT, stored(raw), raw, next=True),), (), deleted, 1, frozenset(own))
