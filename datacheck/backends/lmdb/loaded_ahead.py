"""Import what a worker needs to read an LMDB, while the caller is still determining what to read."""

from __future__ import annotations

from importlib import import_module

for name in ("reader", "layout", "skeleton", "reading", "ranges", "direct", "zeroed_pages"):
    import_module(f"datacheck.backends.lmdb.{name}")
