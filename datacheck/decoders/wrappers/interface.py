"""What a wrapper around a payload has to offer."""

from __future__ import annotations

import msgspec

from datacheck.model.finding import Finding, found

LIMIT = 1 << 28
"""What would unpack to more bytes is not unpacked."""
Value = bytes | memoryview


class Peeled(msgspec.Struct, frozen=True):
    """What a wrapper holds, as far as it could be unpacked, and what is wrong with the wrapper."""

    value: bytes
    finding: Finding | None = None

    @property
    def sound(self) -> bool:
        """Whether all that the wrapper holds is there; bytes behind its end do not matter."""
        return self.finding is None or self.finding.verdict == "suspicious"


def truncated(name: str, size: int) -> Finding:
    return found("truncated", f"the {name} data ends early, after {size} bytes", size=size)


def broken(name: str, why: str, code: str = "undecodable") -> Finding:
    return found(code, f"the {name} data cannot be unpacked: {why}")


def too_large(name: str, limit: int) -> Finding:
    said = f"the {name} data unpacks to more than {limit} bytes, which is not done"
    return found("too-large", said, verdict="unverifiable", expected=limit)


def behind(name: str, end: int, value: Value) -> Finding | None:
    """Return the finding of what lies behind the end of compressed data, if anything does."""
    rest = len(value) - end
    if not rest:
        return None
    zero = "" if bytes(value[end:]).strip(b"\0") else ", all zero"
    said = f"{rest} bytes after the end of the {name} data{zero}"
    return found("trailing-data", said, offset=end, size=rest)
