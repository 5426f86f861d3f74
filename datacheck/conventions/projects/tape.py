"""Pickled proteins numbered from 0: TAPE (tape/datasets.py, LMDBDataset).

Keys are `%d`; `num_examples` holds their number, pickled.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.projects.from_zero import from_zero, is_pickle

COUNT = b"num_examples"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if records are numbered and a pickle counts them, or None."""
    return from_zero("tape", store, COUNT, is_pickle)
