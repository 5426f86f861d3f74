"""Decode msgpack: records of one layout together, the others one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.trees.alike import decode_alike
from datacheck.decoders.trees.containers import ContainerDecoder
from datacheck.decoders.trees.msgpack import is_msgpack, parse_msgpack
from datacheck.decoders.trees.msgpack_places import places
from datacheck.decoders.trees.tree import Parsed
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.profile import FamilyProfile


class MsgpackDecoder(ContainerDecoder):
    """Decodes msgpack, including the arrays of msgpack-numpy."""

    name = "msgpack"

    def knows(self, value: Value) -> bool:
        return is_msgpack(value)

    def parse(self, value: Value) -> Parsed:
        return parse_msgpack(value)

    def decode_together(
        self, read: Callable[[Value], Reading], block: Block, rows: Sequence[int], profile: FamilyProfile | None
    ) -> tuple[Sequence[Batch], Sequence[int]]:
        return decode_alike(read, places, block, rows, profile)
