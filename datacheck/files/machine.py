"""Errors of a disk, a network or this machine, which say nothing of what the bytes are."""

from __future__ import annotations

import errno

ENVIRONMENT = frozenset(
    getattr(errno, name)
    for name in (
        *("EACCES", "EAGAIN", "EBADF", "EINTR", "EIO", "EMFILE", "ENFILE", "ENODEV", "ENOENT", "ENOMEM", "ENOSPC"),
        *("ENOTCONN", "ENXIO", "EPERM", "EREMOTEIO", "ESTALE", "ETIMEDOUT", "EFBIG", "EDQUOT", "EROFS"),
    )
    if hasattr(errno, name)
)
"""The numbers of such errors."""
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""No further file may be open at the same time."""
