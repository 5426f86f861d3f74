"""Distinguish bugs in datacheck from exceptions that the data caused in a library, reader or decoder.

The decision depends on where an exception was raised, which is the innermost frame of its traceback:

* Outside datacheck, as in Pillow, h5py or a third-party decoder: any exception is about the data.
* In datacheck, with a class that is not a Python built-in, such as `PageDamaged`, `struct.error` or `lmdb.Error`: a
  parser raised it on purpose because it does not accept the data. The same holds for an OSError, whose errno tells more
  (ENVIRONMENT).
* In datacheck, with a Python built-in class: it is about the data if the line called a function without a frame, which
  is written in C, as `np.frombuffer` raises for a wrong size. Exceptions that a line causes itself (a position that is
  not in a list, an attribute that None lacks, an assertion) are a slip, even if hostile bytes were needed to cause
  them: a parser of datacheck's that cannot handle its input cannot decide whether the input is sound.

If a C function raises one of SLIPS because of the data, that cannot be told from a slip, so its caller must catch it.
"""

from __future__ import annotations

import dis
import errno
import re
from types import TracebackType


def _numbers(*names: str) -> frozenset[int]:
    """Return the errno values of these names, as far as this system defines them."""
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


DISK = _numbers(
    # disks, and file systems that are broken below the files; ext4 and XFS report EUCLEAN and EBADMSG for themselves
    *("EIO", "ENXIO", "ENODEV", "ENOMEDIUM", "EUCLEAN", "EBADMSG", "EREMOTEIO", "ETIME"),
    # networks and the servers behind them
    *("ESTALE", "ETIMEDOUT", "EAGAIN", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENETRESET", "ENONET"),
    *("ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "ENOTCONN", "ESHUTDOWN", "ENOLINK", "ECOMM", "EPROTO", "ENOLCK"),
)
"""Errors of a failing disk or network: a second attempt to read may succeed."""
ENVIRONMENT = DISK | _numbers(
    *("EACCES", "EBADF", "EINTR", "EMFILE", "ENFILE", "ENOENT", "ENOMEM", "ENOSPC", "EPERM", "EFBIG", "EDQUOT"),
    *("EROFS", "ENOKEY", "EKEYEXPIRED", "EKEYREVOKED", "EKEYREJECTED"),
)
"""Errors of a disk, a network or this machine, which say nothing about the data."""
_OF_HDF5 = re.compile(r".*file descriptor = \d+, errno = (\d+), error message = ", re.DOTALL)
"""How the HDF5 library reports a system error (src/H5FDsec2.c); the file name precedes it."""
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""Errors that mean that no further file can be opened at the same time."""
NEVER_DATA = (ImportError, NameError)
"""Exceptions that no data can cause, wherever they are raised."""
SLIPS = (AssertionError, AttributeError, LookupError, TypeError, NotImplementedError, RecursionError)
"""Exceptions that a line of Python raises because of a bug in that line."""


def is_slip(error: BaseException) -> bool:
    """Check whether an exception is a bug in datacheck."""
    if isinstance(error, NEVER_DATA):
        return True
    if isinstance(error, (OSError, MemoryError)) or type(error).__module__ != "builtins":
        return False
    innermost = _innermost(error)
    if innermost is None or not _is_ours(innermost):
        return False
    return isinstance(error, SLIPS) or not _is_at_call(innermost)


def errno_of(error: BaseException) -> int | None:
    """Return the errno of a system error, also of one that the HDF5 library has put into words, or None."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if not isinstance(error, (OSError, RuntimeError)):
        return None
    match = _OF_HDF5.match(str(error))
    return None if match is None else int(match[1])


def of_machine(error: BaseException) -> bool:
    """Check whether an exception is about a disk, a network or this machine rather than the data."""
    return isinstance(error, MemoryError) or errno_of(error) in ENVIRONMENT


def _innermost(error: BaseException) -> TracebackType | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == "datacheck"


def _is_at_call(trace: TracebackType) -> bool:
    """Check whether a frame was executing a call. The callee has no frame of its own, so it is written in C."""
    code = trace.tb_frame.f_code.co_code
    return 0 <= trace.tb_lasti < len(code) and dis.opname[code[trace.tb_lasti]].startswith(("CALL", "PRECALL"))
