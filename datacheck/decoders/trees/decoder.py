"""The decoder of any format whose records are trees: a format says what it knows and how it is parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.one_by_one import decode_each
from datacheck.decoders.trees.layouts import RecordReaders
from datacheck.decoders.trees.reading import picture_in, read_tree
from datacheck.decoders.trees.tree import Parsed
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding
from datacheck.model.profile import FamilyProfile


class TreeDecoder:
    """Decodes records into a field for each array, number, text and picture in them, by its path.

    A format has a `name`, `knows` a value as its own, and can `parse` one.
    """

    name: str

    @cached_property
    def _readers(self) -> RecordReaders:
        return RecordReaders()

    def knows(self, value: Value) -> bool:
        """Say whether one value is, or once was, a payload of this kind: cheap, and strict enough to vote."""
        raise NotImplementedError

    def parse(self, value: Value) -> Parsed:
        """Return the tree that a value holds. What is wrong with it is a finding; nothing is raised."""
        raise NotImplementedError

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        read = self._readers.of(self.read, profile, pixels=pixels)
        batches, left = self.decode_together(read, block, rows, profile)
        yield from batches
        yield from decode_each(partial(self.read, pixels=pixels), block, left, profile)

    def decode_together(
        self, read: Callable[[Value], Reading], block: Block, rows: Sequence[int], profile: FamilyProfile | None
    ) -> tuple[Sequence[Batch], Sequence[int]]:
        """Return the batches of records that a format can decode together, and the rows that it cannot: all of them.

        `read` reads one record, of which nothing else may be said than it does.
        """
        return (), rows

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one record; of one that could not be read to its end nothing else is said."""
        parsed = self.parse(value)
        if any(finding.verdict == "bad" for finding in parsed.findings):
            return Reading(findings=parsed.findings)
        return read_tree(parsed, profile, pixels=pixels)

    def classes(self, value: Value) -> frozenset[str]:
        """Return the dotted names of the classes that a value names."""
        return self.parse(value).classes

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the first picture in a record, as it is stored."""
        return picture_in(self.parse(value))
