"""Findings for failures of the HDF5 library: the errors it raised and the signals that killed its process."""

from __future__ import annotations

import os
from typing import Any

from datacheck.backends.hdf5.structure.superblock import Beyond
from datacheck.model.codes import Verdict
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.slips import ENVIRONMENT, errno_of, is_slip, of_machine
from datacheck.workers.interface import FROM_DATA

QUADRUPLE = "(127, 112, 15, 0, 112)"
"""How h5py ends the message about a type for which NumPy has none: the places of sign, exponent and mantissa."""


def reason_of(exc: BaseException) -> str:
    """Return the library's message as one clean line, or only the system's text if it is an error of the system."""
    number = errno_of(exc)
    if number is not None and number in ENVIRONMENT:
        return os.strerror(number)
    text = str(exc.args[0]) if isinstance(exc, KeyError) and exc.args else str(exc)
    return plain(" ".join(text.split()))[:300] or type(exc).__name__


def failed(exc: Exception, what: str, **details: Any) -> Finding:
    """Return the finding for an exception of TROUBLE. Raise it again if it comes from a bug in datacheck."""
    if is_slip(exc):
        raise exc
    message = f"{what}: {reason_of(exc)}"
    if of_machine(exc):
        details |= errno_details(errno_of(exc))
        return found("unreadable", message, verdict="unverifiable", error=type(exc).__name__, **details)
    if isinstance(exc, ValueError) and str(exc).endswith(QUADRUPLE):
        return found(
            "unsupported", f"{what}: it has floats of quadruple precision, which NumPy does not have", **details
        )
    return found("truncated-store" if isinstance(exc, Beyond) else "damaged-store", message, **details)


def killed(signal: str, what: str, field: str | None = None, **details: Any) -> Finding:
    """Return the finding for the signal that killed a reading process. It is bad only if the process caused it."""
    if signal == "SIGPROF":
        return found("timeout", f"{what}: the library did not come back from it", field=field, **details)
    if signal == "SIGALRM":
        message = (
            f"{what}: the library did not come back from it in time, and mostly waited for the disk or the processor"
        )
        return found("timeout", message, field=field, verdict="unverifiable", **details)
    if signal == "SIGKILL":
        message = f"{what}: its reader was ended by SIGKILL, as containers and batch systems do at their memory limit"
        return found("too-large", message, field=field, verdict="unverifiable", signal=signal, **details)
    verdict: Verdict | None = None if signal in FROM_DATA else "unverifiable"
    return found(
        "crash", f"{what}: the library died of {signal}", field=field, verdict=verdict, signal=signal, **details
    )
