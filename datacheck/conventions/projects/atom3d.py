"""Molecules numbered from 0, with an index of their names: ATOM3D (atom3d/datasets/datasets.py).

Keys are `%d`, values gzip of JSON, pickle or msgpack as `serialization_format` says; `num_examples` holds their number
as decimal text, and `id_to_idx` a mapping from their names to their numbers, serialised like the values. If two
molecules have the same name, the mapping holds the last one.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, KeyList, StoreView
from datacheck.conventions.projects.from_zero import from_zero, is_pickle
from datacheck.conventions.values.stored_values import is_index, keys_in

COUNT, FORMAT, INDEX = b"num_examples", b"serialization_format", b"id_to_idx"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if records are numbered and counted and their serialisation format is stored, or None."""
    parsed = store.stored(INDEX)
    if store.value(FORMAT) is None:
        return None
    lists: tuple[KeyList, ...] = ()
    if parsed is not None and is_index(parsed.value):
        every = list(keys_in(parsed.value))
        lists = (KeyList(INDEX, parsed.form, len(set(every)), entries=len(every), partial=True),)
    return from_zero("atom3d", store, COUNT, lambda raw: not is_pickle(raw), lists=lists, own=(FORMAT,))
