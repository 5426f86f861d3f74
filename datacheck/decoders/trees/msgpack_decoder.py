"""Decode msgpack: records of one layout together, the others one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.trees.alike import decode_alike
from datacheck.decoders.trees.containers import ContainerDecoder
from datacheck.decoders.trees.msgpack import is_msgpack, parse_msgpack
from datacheck.decoders.trees.msgpack_places import places
from datacheck.decoders.trees.msgpack_stream import is_stream, parse_stream
from datacheck.decoders.trees.series import first_or_series
from datacheck.decoders.trees.tree import Parsed
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.profile import FamilyProfile

BEHIND = ("trailing-data", "undecodable")
"""The codes of findings about a value that may be several: more bytes than in the first one make it look like none."""


class MsgpackDecoder(ContainerDecoder):
    """Decodes msgpack, including the arrays of msgpack-numpy, and several values behind each other."""

    name = "msgpack"

    def knows(self, value: Value) -> bool:
        return is_msgpack(value) or is_stream(value)

    def parse(self, value: Value) -> Parsed:
        return parse_msgpack(value)

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one record: one value of msgpack, or several that lie behind each other."""
        first = ContainerDecoder.read(self, value, profile, pixels=pixels)
        return first_or_series(first, parse_stream, value, profile, pixels=pixels, behind=BEHIND)

    def decode_together(
        self, read: Callable[[Value], Reading], block: Block, rows: Sequence[int], profile: FamilyProfile | None
    ) -> tuple[Sequence[Batch], Sequence[int]]:
        return decode_alike(read, places, block, rows, profile)
