"""How sibling datasets of an HDF5 file are read, which its reader is told: no store of keys and values keeps that."""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView


def recognise(store: StoreView) -> Convention | None:
    """Return None: a store of keys and values has no datasets."""
    return None
