"""The finding for a value that no decoder knows."""

from __future__ import annotations

from datacheck.decoders.foreign import known_format
from datacheck.model.finding import Finding, found


def unknown_payload(value: bytes | memoryview) -> Finding:
    """Return the finding for a record that no decoder knows."""
    name, head = known_format(value), bytes(value[:8])
    said = f"this payload, which begins with the bytes {head.hex(' ')}" if name is None else f"{name}, as this is"
    return found("unknown-payload", f"no decoder knows {said}")
