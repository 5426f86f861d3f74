"""The result of unpacking a wrapper, and the findings that all wrappers share."""

from __future__ import annotations

import msgspec

from datacheck.model.finding import Finding, found

LIMIT = 1 << 28
"""Maximum unpacked size in bytes; larger content is not unpacked."""
Value = bytes | memoryview


class Peeled(msgspec.Struct, frozen=True):
    """The content of a wrapper, as far as it could be unpacked, and the finding about the wrapper if it is flawed."""

    value: bytes
    finding: Finding | None = None

    @property
    def sound(self) -> bool:
        """Whether the wrapper's content is complete; bytes after its end do not matter."""
        return self.finding is None or self.finding.verdict == "suspicious"


def truncated(name: str, size: int) -> Finding:
    return found("truncated", f"the {name} data ends early, after {size} bytes", size=size)


def broken(name: str, reason: str, code: str = "undecodable") -> Finding:
    return found(code, f"the {name} data cannot be unpacked: {reason}")


def too_large(name: str, limit: int) -> Finding:
    message = f"the {name} data unpacks to more than {limit} bytes, which is not done"
    return found("too-large", message, verdict="unverifiable", expected=limit)


def trailing_data(name: str, end: int, value: Value) -> Finding | None:
    """Return the finding about bytes after the end of compressed data, or None if there are none."""
    rest = len(value) - end
    if not rest:
        return None
    zero = "" if bytes(value[end:]).strip(b"\0") else ", all zero"
    message = f"{rest} bytes after the end of the {name} data{zero}"
    return found("trailing-data", message, offset=end, size=rest)
