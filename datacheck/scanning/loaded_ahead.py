"""What the worker of every scan needs: it loads this while the caller still finds out what is to be scanned.

Nothing is used here. What one kind of store or payload alone needs is not loaded.
"""

from __future__ import annotations

from importlib import import_module

AHEAD = (
    "datacheck.scanning.judge",
    "datacheck.scanning.profiling",
    "datacheck.scanning.taking",
    "datacheck.scanning.tasks",
)
for name in AHEAD:
    import_module(name)
