"""Numbers from 0 or 1 without gaps that nothing in the store counts: a loader asks for each one up to the last."""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if keys have numbers, or None."""
    return Convention("dense", store.frequent, dense=True) if store.frequent else None
