"""Which modules a worker loads before it has its job. Light to import: a command starts the first worker with this."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datacheck.files.regular import open_regular

HDF5_NAMES = (".h5", ".hdf5")
"""The usual suffixes of HDF5 files; a folder or a list with others only makes a worker start a little later."""
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def loading(sources: Sequence[str], backend: str = "") -> list[str]:
    """Return the modules that workers will probably need, judged by the backend, or by the sources."""
    hdf5 = backend == "hdf5" or any(source.endswith(HDF5_NAMES) or _begins_as_hdf5(source) for source in sources)
    return ["datacheck.scanning.loaded_ahead", *(["datacheck.backends.hdf5.loaded_ahead"] if hdf5 else [])]


def _begins_as_hdf5(source: str) -> bool:
    try:
        with open_regular(Path(source)) as file:
            return file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE
    except (OSError, ValueError):  # whoever opens it to read it will say so
        return False
