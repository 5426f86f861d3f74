"""What the worker of nearly every scan needs: it loads this while the caller still finds out what is to be scanned.

Nothing is used here. What one kind of store or payload alone needs is not loaded, but for the most usual ones.
"""

from __future__ import annotations

from importlib import import_module

from datacheck.conventions import CONVENTIONS
from datacheck.decoders import DECODERS

AHEAD = (
    "numpy.ma",  # np.unique looks into it
    "datacheck.scanning.judge",
    "datacheck.scanning.keeping",
    "datacheck.scanning.profiling",
    DECODERS["datum"].decoder[0],
    *(row.module for row in CONVENTIONS.values() if row.module),
)
for name in AHEAD:
    import_module(name)
