"""What a report says of a comparison: of a store with a checksum file, or with another store."""

from __future__ import annotations

import msgspec

FIRST = 20
"""So many names are listed at most of what is only counted."""


class Checksums(msgspec.Struct):
    """What holding a store against a checksum file came to.

    `recorded` is how many records the file has, `compared` how many of them were read. `new` are records that the file
    does not have, `first_new` the names of the first of them.
    """

    path: str
    recorded: int
    compared: int = 0
    changed: int = 0
    lost: int = 0
    new: int = 0
    first_new: list[str] = []

    @property
    def sentence(self) -> str:
        """What it came to, in a line."""
        said = f"{self.compared:,} of {self.recorded:,} recorded values compared"
        said += f", {self.changed:,} changed" if self.changed else ""
        said += f", {self.lost:,} lost" if self.lost else ""
        if not self.new:
            return said
        more = self.new - len(self.first_new)
        return f"{said}, {self.new:,} new: {', '.join(self.first_new)}{f' and {more:,} more' if more else ''}"
