"""The exceptions that h5py may raise because of the contents of a file."""

from __future__ import annotations

from datacheck.model.slips import ENVIRONMENT, errno_of

TROUBLE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, SystemError)
"""The exceptions that h5py raises for bad data. It turns the library's error numbers into any of these, and raises
others for what NumPy or its own code cannot represent (no dtype for a type, a negative extent, a name that is not
text). MemoryError is not among them: the readers catch it and report `too-large`."""


def require_of_data(exc: BaseException) -> None:
    """Reraise an error of a disk, a network or this machine, since it says nothing about the contents of the file."""
    if errno_of(exc) in ENVIRONMENT:
        raise exc
