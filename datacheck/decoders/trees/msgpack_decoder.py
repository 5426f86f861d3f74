"""The decoder of msgpack: records of one layout together, the others one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from datacheck.decoders.interface import Value
from datacheck.decoders.trees.alike import decode_alike
from datacheck.decoders.trees.containers import ContainerDecoder
from datacheck.decoders.trees.msgpack import is_msgpack, parse_msgpack
from datacheck.decoders.trees.msgpack_places import places
from datacheck.decoders.trees.tree import Parsed
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding
from datacheck.model.profile import FamilyProfile


class MsgpackDecoder(ContainerDecoder):
    """Decodes msgpack, with the arrays of msgpack-numpy."""

    name = "msgpack"

    def knows(self, value: Value) -> bool:
        return is_msgpack(value)

    def parse(self, value: Value) -> Parsed:
        return parse_msgpack(value)

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        read = partial(self.read, profile=profile, pixels=pixels)
        batches, left = decode_alike(read, places, block, rows, profile)
        yield from batches
        yield from super().decode(block, left, profile, pixels=pixels)
