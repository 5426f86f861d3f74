"""Load what workers need for nearly every scan of keys and values, with the most usual payloads and conventions."""

from __future__ import annotations

from importlib import import_module

from datacheck.conventions import CONVENTIONS
from datacheck.decoders import DECODERS

AHEAD = (
    "datacheck.scanning.loaded_ahead",
    "datacheck.scanning.keys.keeping",
    DECODERS["datum"].decoder[0],
    "datacheck.decoders.datum.alike",
    DECODERS["npy"].decoder[0],  # tried on the first values of every store
    *(row.module for row in CONVENTIONS.values() if row.module and not (row.asked or row.marks or row.beside)),
)
for name in AHEAD:
    import_module(name)
