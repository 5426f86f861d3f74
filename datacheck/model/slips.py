"""Tell a mistake of datacheck's own from what bytes made a library, or somebody else's reader or decoder, raise.

What counts is where an exception was raised, by the innermost frame of its traceback:

* outside datacheck, as in Pillow, h5py or a decoder of a third party: whatever it is, it is about the data;
* in datacheck, but of a class that is not Python's own, as `PageDamaged`, `struct.error` or `lmdb.Error`: it was raised
  on purpose, by a parser that met what it does not accept. So is an OSError, whose number tells more (ENVIRONMENT);
* in datacheck, one of Python's own: where the line called a function that has no frame, one in C, as `np.frombuffer`
  does for a wrong size, it is about the data. Those that a line brings about itself (a place that is not in a list, an
  attribute that None lacks, an assertion) are a slip, even where it took hostile bytes to bring them about: a parser
  of datacheck's that cannot take the bytes it is given has no say in whether they are sound.

A function in C that raises one of SLIPS for the data cannot be told from a slip, so who calls one catches that there.
"""

from __future__ import annotations

import dis
import errno
import re
from types import TracebackType


def _numbers(*names: str) -> frozenset[int]:
    """Return the numbers of these errors, of those that this system has."""
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


DISK = _numbers(
    # of a disk, and of a file system that is broken below the files; ext4 and XFS say EUCLEAN and EBADMSG of themselves
    *("EIO", "ENXIO", "ENODEV", "ENOMEDIUM", "EUCLEAN", "EBADMSG", "EREMOTEIO", "ETIME"),
    # of a network and the server behind it
    *("ESTALE", "ETIMEDOUT", "EAGAIN", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENETRESET", "ENONET"),
    *("ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "ENOTCONN", "ESHUTDOWN", "ENOLINK", "ECOMM", "EPROTO", "ENOLCK"),
)
"""Errors of a disk or a network that fails: what is read again may be there."""
ENVIRONMENT = DISK | _numbers(
    *("EACCES", "EBADF", "EINTR", "EMFILE", "ENFILE", "ENOENT", "ENOMEM", "ENOSPC", "EPERM", "EFBIG", "EDQUOT"),
    *("EROFS", "ENOKEY", "EKEYEXPIRED", "EKEYREVOKED", "EKEYREJECTED"),
)
"""Errors of a disk, a network or this machine, which say nothing of what the bytes are."""
_OF_HDF5 = re.compile(r".*file descriptor = \d+, errno = (\d+), error message = ", re.DOTALL)
"""How the HDF5 library puts an error of the system into words (src/H5FDsec2.c); the name of a file stands before it."""
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""No further file may be open at the same time."""
NEVER_DATA = (ImportError, NameError)
"""No bytes make code raise these, wherever it is."""
SLIPS = (AssertionError, AttributeError, LookupError, TypeError, NotImplementedError, RecursionError)
"""What a line of Python raises by a mistake in itself."""


def is_slip(error: BaseException) -> bool:
    """Say whether an exception is a mistake of datacheck's own."""
    if isinstance(error, NEVER_DATA):
        return True
    if isinstance(error, (OSError, MemoryError)) or type(error).__module__ != "builtins":
        return False
    innermost = _innermost(error)
    if innermost is None or not _is_ours(innermost):
        return False
    return isinstance(error, SLIPS) or not _at_a_call(innermost)


def errno_of(error: BaseException) -> int | None:
    """Return the number of the system's error that an exception is, or that the HDF5 library has put into words."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if not isinstance(error, (OSError, RuntimeError)):
        return None
    match = _OF_HDF5.match(str(error))
    return None if match is None else int(match[1])


def of_machine(error: BaseException) -> bool:
    """Say whether an exception tells of a disk, a network or this machine, and nothing of the bytes."""
    return isinstance(error, MemoryError) or errno_of(error) in ENVIRONMENT


def _innermost(error: BaseException) -> TracebackType | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == "datacheck"


def _at_a_call(trace: TracebackType) -> bool:
    """Say whether a frame was calling something: that has no frame of its own, so it is written in C."""
    code = trace.tb_frame.f_code.co_code
    return 0 <= trace.tb_lasti < len(code) and dis.opname[code[trace.tb_lasti]].startswith(("CALL", "PRECALL"))
