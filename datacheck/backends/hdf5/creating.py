"""Write a new HDF5 file from arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from datacheck.backends.hdf5.file import library


def create(path: Path, datasets: Mapping[str, NDArray[Any]]) -> None:
    """Write a new HDF5 file with these datasets, compressed and with checksums. Raises OSError on failure.

    The library composes it in memory: it crashes if it cannot close a file on a disk that is full.
    """
    with library().File(path, "w", driver="core", backing_store=False) as file:
        for name, values in datasets.items():
            chunk = (min(16, len(values)), *values.shape[1:])
            file.create_dataset(name, data=values, chunks=chunk, compression="gzip", shuffle=True, fletcher32=True)
        file.flush()
        image = file.id.get_file_image()
    with path.open("xb") as written:
        written.write(image)
