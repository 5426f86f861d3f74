"""Which modules a worker loads before it has its job. Light to import: a command starts the first worker with this."""

from __future__ import annotations

from collections.abc import Sequence

HDF5_NAMES = (".h5", ".hdf5")
"""The usual suffixes of HDF5 files; with others a worker only starts a little later."""


def loading(sources: Sequence[str], backend: str = "") -> list[str]:
    """Return the modules that workers will probably need, judged by the backend or the names of the sources."""
    hdf5 = backend == "hdf5" or any(source.endswith(HDF5_NAMES) for source in sources)
    return ["datacheck.scanning.loaded_ahead", *(["datacheck.backends.hdf5.loaded_ahead"] if hdf5 else [])]
