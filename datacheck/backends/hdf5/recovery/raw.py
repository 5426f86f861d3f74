"""The bytes of a damaged file, and a bound on the work of looking at them.

Parts of a file can be made to lead to one another again and again, to overlap, or to say that they are as large as the
file. Work is counted, not timed, so that the same file gives the same report on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from datacheck.backends.hdf5.group_tree import FANOUT
from datacheck.backends.hdf5.superblock import lookup3
from datacheck.files.retrying import pread

READ, PART, NAME_BYTE, HASHED_BYTE = 3_000, 2_000, 1, 110
"""About how many nanoseconds a read takes, a message, link or node to be taken apart, a byte of a name, and one of what
has a checksum."""
BYTES_READ = 4
"""So many bytes are read in a nanosecond."""
WORK, WORK_PER_BYTE = 1_200_000_000, 60
"""A file is worth so much work, and so much more for each of its bytes; and half of that for what nothing leads to."""
KEPT = 64 << 20
"""Bytes that the names, links and nodes of a file may take."""


@dataclass
class Raw:
    """The bytes of a file, by the addresses that HDF5 counts from its superblock.

    Where the work is done that the file is worth, or as much is kept as may be, nothing more is read.
    """

    descriptor: int
    base: int
    size: int
    limit: int = 0
    done: int = 0
    kept: int = 0
    fanout: int = FANOUT
    """So many links has a node of the index of a group's links."""
    heaps: dict[int, bytes] = field(default_factory=dict)
    """Names that were read, by where their heap is: many groups may say that they have the same."""
    _right: set[tuple[int, int]] = field(default_factory=set)
    """Where what has a right checksum begins, and how long it is."""

    def __post_init__(self) -> None:
        self.limit = self.worth

    @property
    def worth(self) -> int:
        """How much work the whole file is worth."""
        return WORK + WORK_PER_BYTE * self.size

    @property
    def exhausted(self) -> bool:
        """Say whether nothing more is read."""
        return self.done > self.limit or self.kept > KEPT

    def read(self, at: int, size: int) -> bytes:
        """Return so many bytes, or fewer where the file ends."""
        if not 0 <= at < self.size - self.base or size <= 0 or self.exhausted:
            return b""
        held = pread(self.descriptor, min(size, self.size - self.base - at), self.base + at)
        self.done += READ + len(held) // BYTES_READ
        return held

    def lacks(self, at: int, size: int) -> bool:
        """Say whether bytes lie beyond the end of the file."""
        return at < 0 or at + size > self.size - self.base

    def looked(self, parts: int, names: int = 0) -> bool:
        """Count parts that were taken apart and bytes of names; say whether there may be more."""
        self.done += PART * parts + NAME_BYTE * names
        return not self.exhausted

    def keep(self, size: int) -> bool:
        """Count bytes that are kept; say whether there may be more."""
        self.kept += size
        return not self.exhausted

    def matches(self, at: int, held: bytes, checksum: bytes) -> bool:
        """Say whether bytes that lie there have this checksum."""
        place = at, len(held)
        if place in self._right:
            return True
        if self.exhausted or self.done + HASHED_BYTE * len(held) > self.limit:
            self.done = max(self.done, self.limit) + 1
            return False
        self.done += HASHED_BYTE * len(held)
        if lookup3(held) != int.from_bytes(checksum, "little"):
            return False
        self._right.add(place)
        return self.keep(200)
