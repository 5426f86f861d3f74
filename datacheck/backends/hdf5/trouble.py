"""What the HDF5 library may raise for what a file holds."""

from __future__ import annotations

from datacheck.model.slips import ENVIRONMENT, errno_of

TROUBLE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, SystemError)
"""What h5py raises for bad data: it turns the library's error numbers into any of these, and others for what NumPy
or its own code cannot represent (no dtype for a type, a negative extent, a name that is no text). MemoryError is not
among them: who reads catches it and says `too-large`."""


def require_of_data(exc: BaseException) -> None:
    """Raise an error of a disk, a network or this machine again: it says nothing of what the file holds."""
    if errno_of(exc) in ENVIRONMENT:
        raise exc
