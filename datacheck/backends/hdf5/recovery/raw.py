"""Read the bytes of a damaged file, with a limit on the total work.

A crafted file can have parts that lead to one another again and again, that overlap, or that claim to be as large as
the file. Work is counted, not timed, so that the same file gives the same report on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from datacheck.backends.hdf5.structure.group_tree import FANOUT
from datacheck.backends.hdf5.structure.superblock import lookup3
from datacheck.files.retrying import pread

READ, PART, NAME_BYTE, HASHED_BYTE = 3_000, 2_000, 1, 110
"""Approximate cost, in nanoseconds, of a read, of parsing a message, link or node, of a byte of a name, and of a byte
whose checksum is computed."""
BYTES_READ = 4
"""Number of bytes read per nanosecond."""
WORK, WORK_PER_BYTE = 1_200_000_000, 60
"""Work that may be spent on a file, in nanoseconds: a fixed amount and an amount for each of its bytes. Half of the sum
is added for unreachable objects."""
KEPT = 64 << 20
"""Maximum memory for the names, links and nodes of a file, in bytes."""


@dataclass
class Raw:
    """The bytes of a file, by HDF5 addresses, which count from its superblock.

    Nothing more is read once the limit of the work or of the kept bytes is exceeded.
    """

    descriptor: int
    base: int
    size: int
    limit: int = 0
    done: int = 0
    kept: int = 0
    fanout: int = FANOUT
    """Number of links that a node of a group's index has."""
    heaps: dict[int, bytes] = field(default_factory=dict)
    """Name heaps that were read, by address; many groups may refer to the same heap."""
    _right: set[tuple[int, int]] = field(default_factory=set)
    """Address and length of each part whose checksum was found to match."""

    def __post_init__(self) -> None:
        self.limit = self.worth

    @property
    def worth(self) -> int:
        """Work that may be spent on the whole file, in nanoseconds."""
        return WORK + WORK_PER_BYTE * self.size

    @property
    def exhausted(self) -> bool:
        """Whether a limit is exceeded, so that nothing more is read."""
        return self.done > self.limit or self.kept > KEPT

    def read(self, at: int, size: int) -> bytes:
        """Return `size` bytes, fewer at the end of the file, or none if a limit is exceeded."""
        if not 0 <= at < self.size - self.base or size <= 0 or self.exhausted:
            return b""
        octets = pread(self.descriptor, min(size, self.size - self.base - at), self.base + at)
        self.done += READ + len(octets) // BYTES_READ
        return octets

    def lacks(self, at: int, size: int) -> bool:
        """Check whether some of these bytes lie beyond the end of the file."""
        return at < 0 or at + size > self.size - self.base

    def looked(self, parts: int, names: int = 0) -> bool:
        """Count parsed parts and bytes of names; return whether the limits still allow more."""
        self.done += PART * parts + NAME_BYTE * names
        return not self.exhausted

    def keep(self, size: int) -> bool:
        """Count bytes that are kept; return whether the limits still allow more."""
        self.kept += size
        return not self.exhausted

    def matches(self, at: int, octets: bytes, checksum: bytes) -> bool:
        """Check whether the bytes at an address have this checksum; False as well if the work limit is exceeded."""
        place = at, len(octets)
        if place in self._right:
            return True
        if self.exhausted or self.done + HASHED_BYTE * len(octets) > self.limit:
            self.done = max(self.done, self.limit) + 1
            return False
        self.done += HASHED_BYTE * len(octets)
        if lookup3(octets) != int.from_bytes(checksum, "little"):
            return False
        self._right.add(place)
        return self.keep(200)
