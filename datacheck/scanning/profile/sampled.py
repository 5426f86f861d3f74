"""Take copies of the first records of a probe."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.backends.interface import Peeking, Reader
from datacheck.model.blocks import AnyBlock, Block, Shard
from datacheck.scanning.blame import blamed

RECORDS_A_PROBE = 16
PROBE_BYTES = 256 << 10
"""Maximum size in bytes of the values taken of a probe together; at least one value is taken."""
FURTHER_BYTES = 4 << 20
"""The same limit for a probe that is added because a family has too few values."""


def first_records(
    reader: Reader,
    probe: Shard,
    limit: int = RECORDS_A_PROBE,
    room: int = PROBE_BYTES,
    keys: set[bytes] | None = None,
) -> AnyBlock | None:
    """Return copies of the first records of a probe: at most `limit`, of at most `room` bytes, but at least one.

    Rows of a table are returned as they are, and None if there are no records. `keys` receives all keys that were read;
    readers that can peek read more keys than values.
    """
    taken: Block | None = None
    blocks: Iterator[AnyBlock]
    if isinstance(reader, Peeking):
        blocks = blamed("unreadable", reader.peek, probe, limit=RECORDS_A_PROBE)
    else:
        blocks = blamed("unreadable", reader.blocks, probe, limit=limit)
    for block in blocks:
        if not isinstance(block, Block):
            return block
        if keys is not None:
            keys.update(block.keys)
        total = len(block) + (0 if taken is None else len(taken))
        taken = copy_records(block, limit, room, taken)
        if len(taken) < total or len(taken) >= limit:
            break
    return taken


def copy_records(block: Block, limit: int, room: int, behind: Block | None = None) -> Block:
    """Return copies of the first records of a block, appended to the records of `behind`.

    There are at most `limit` in all, of at most `room` bytes, but at least one.
    """
    keys: list[bytes] = [] if behind is None else [*behind.keys]
    values: list[bytes | memoryview] = [] if behind is None else [*behind.values]
    size = sum(map(len, values))
    for key, value in zip(block.keys, block.values, strict=True):
        size += len(value)
        if len(values) >= limit or (values and size > room):
            break
        keys.append(key)
        values.append(memoryview(bytes(value)))  # so that slices of it are not copied again
    # the last item of a shard may be no block of records
    origin = block if behind is None or not behind.keys else behind
    return Block(keys, values, database=origin.database)
