"""Pickled graphs numbered from 0: fairchem, Open Catalyst (datasets/lmdb_dataset.py).

Keys are `%d`; `length` holds their number, pickled. `metadata.npz` beside the store has the number of atoms of each
graph, by position.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.projects.from_zero import from_zero, is_pickle

COUNT = b"length"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if records are numbered and a pickle counts them, or None."""
    return from_zero("fairchem", store, COUNT, is_pickle)
