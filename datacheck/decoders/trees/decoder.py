"""Provide the base of decoders for tree formats; each format defines what it recognises and how it is parsed."""

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
    """Decodes records into a field for each array, number, text and picture in them, named by its path.

    Formats define `name`, `knows`, which recognises their values, and `parse`.
    """

    name: str

    @cached_property
    def _readers(self) -> RecordReaders:
        return RecordReaders()

    def knows(self, value: Value) -> bool:
        """Check whether a value is, or was before damage, a payload of this kind: cheap, and strict enough to vote."""
        raise NotImplementedError

    def parse(self, value: Value) -> Parsed:
        """Return the tree of a value. Flaws are returned as findings; nothing is raised."""
        raise NotImplementedError

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        read = self._readers.reader(self.read, profile, pixels=pixels)
        batches, left = self.decode_together(read, block, rows, profile)
        yield from batches
        yield from decode_each(partial(self.read, pixels=pixels), block, left, profile)

    def decode_together(
        self, read: Callable[[Value], Reading], block: Block, rows: Sequence[int], profile: FamilyProfile | None
    ) -> tuple[Sequence[Batch], Sequence[int]]:
        """Return the batches of records that the format can decode together, and the remaining rows: by default, all.

        `read` reads one record; the batches must be consistent with its results.
        """
        return (), rows

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one record; if the parser has a bad finding, only the parser's findings are returned."""
        parsed = self.parse(value)
        if any(finding.verdict == "bad" for finding in parsed.findings):
            return Reading(findings=parsed.findings)
        return read_tree(parsed, profile, pixels=pixels)

    def classes(self, value: Value) -> frozenset[str]:
        """Return the dotted names of the classes that a value names."""
        return self.parse(value).classes

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the first picture in a record as stored, or None if there is none."""
        return picture_in(self.parse(value))
