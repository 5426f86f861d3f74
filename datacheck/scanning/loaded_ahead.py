"""Load what the workers of every scan need, while the caller still determines what to scan.

Nothing is used here. Modules that only one kind of store or payload needs are not loaded.
"""

from __future__ import annotations

from importlib import import_module

AHEAD = (
    "datacheck.scanning.judging.judge",
    "datacheck.scanning.profile.profiling",
    "datacheck.scanning.profile.taking",
    "datacheck.scanning.tasks",
)
for name in AHEAD:
    import_module(name)
