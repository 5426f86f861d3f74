"""Write a small LevelDB whose records are all still in its log, like one that was just written.

It is used by the demo, where plyvel may not be installed. The format is that of `log` and `version`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c

from datacheck.backends.leveldb.block import masked
from datacheck.backends.leveldb.log import BATCH, BLOCK, FIRST, FULL, HEADER, LAST, MIDDLE
from datacheck.backends.leveldb.table import BYTEWISE
from datacheck.backends.leveldb.version import COMPARATOR, LAST_SEQUENCE, LOG_NUMBER, NEXT_FILE
from datacheck.varint import varint

PUT = 1
LOG, MANIFEST = 3, 2


def create(path: Path, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Write a new LevelDB with these records, each in a batch of its own. Raises OSError if that fails."""
    path.mkdir(parents=True)
    batches = [
        BATCH.pack(sequence, 1) + bytes([PUT]) + _length_prefixed(key) + _length_prefixed(value)
        for sequence, (key, value) in enumerate(records, 1)
    ]
    edit = varint(COMPARATOR) + _length_prefixed(BYTEWISE.encode())
    for tag, number in ((LOG_NUMBER, LOG), (NEXT_FILE, LOG + 1), (LAST_SEQUENCE, len(batches))):
        edit += varint(tag) + varint(number)
    (path / f"{LOG:06d}.log").write_bytes(b"".join(_fragments(batches)))
    (path / f"MANIFEST-{MANIFEST:06d}").write_bytes(b"".join(_fragments([edit])))
    (path / "CURRENT").write_bytes(b"MANIFEST-%06d\n" % MANIFEST)


def _fragments(records: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a log: a fragment per block that a record spans, and zeros in the short rest of a block."""
    offset = 0
    for record in records:
        at, begun = 0, False
        while not begun or at < len(record):
            room = BLOCK - offset % BLOCK
            if room < HEADER.size:
                yield bytes(room)
                offset += room
                continue
            payload = record[at : at + room - HEADER.size]
            at += len(payload)
            ended = at == len(record)
            kind = (LAST if ended else MIDDLE) if begun else (FULL if ended else FIRST)
            crc = google_crc32c.value(bytes([kind]) + payload)
            yield HEADER.pack(masked(crc), len(payload), kind) + payload
            offset += HEADER.size + len(payload)
            begun = True


def _length_prefixed(text: bytes) -> bytes:
    return varint(len(text)) + text
