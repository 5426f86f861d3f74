"""Imports what a worker needs to read a LevelDB, while the caller still finds out what is to be read."""

from __future__ import annotations

from importlib import import_module

for name in ("reader", "reading"):
    import_module(f"datacheck.backends.leveldb.{name}")
