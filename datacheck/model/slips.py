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
from types import TracebackType

ENVIRONMENT = frozenset(
    getattr(errno, name)
    for name in (
        *("EACCES", "EAGAIN", "EBADF", "EINTR", "EIO", "EMFILE", "ENFILE", "ENODEV", "ENOENT", "ENOMEM", "ENOSPC"),
        *("ENOTCONN", "ENXIO", "EPERM", "EREMOTEIO", "ESTALE", "ETIMEDOUT", "EFBIG", "EDQUOT", "EROFS"),
    )
    if hasattr(errno, name)
)
"""Errors of a disk, a network or this machine, which say nothing of what the bytes are."""
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


def of_machine(error: BaseException) -> bool:
    """Say whether an exception tells of a disk, a network or this machine, and nothing of the bytes."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in ENVIRONMENT)


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
