"""Import what a worker needs to read a LevelDB, while the caller is still determining what to read."""

from __future__ import annotations

from importlib import import_module

for name in ("reader", "reading"):
    import_module(f"datacheck.backends.leveldb.{name}")
