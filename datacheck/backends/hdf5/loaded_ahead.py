"""Import the modules that a worker needs to read HDF5, while the caller still determines what to read."""

from __future__ import annotations

from importlib import import_module

from datacheck.backends.hdf5.file import library

for name in ("reader", "layout", "blocks", "library.looking"):
    import_module(f"datacheck.backends.hdf5.{name}")
library()
