"""Sort values by the decoders that know them; the finding for a value that none knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from datacheck.decoders import kind
from datacheck.decoders.foreign import known_format
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.scanning.blame import blaming


def unknown_payload(value: bytes | memoryview) -> Finding:
    """Return the finding for a record that no decoder knows."""
    name, head = known_format(value), bytes(value[:8])
    payload = f"this payload, which begins with the bytes {head.hex(' ')}" if name is None else f"{name}, as this is"
    return found("unknown-payload", f"no decoder knows {payload}")


def by_kind(block: Block, rows: Sequence[int]) -> dict[str | None, list[int]]:
    """Return the rows by the name of the decoder that recognises their values, or None."""
    kinds: dict[str | None, list[int]] = defaultdict(list)
    for row in rows:
        with blaming("undecodable"):
            kinds[kind(block.values[row])].append(row)
    return kinds
