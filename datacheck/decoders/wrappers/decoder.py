"""Decode wrapped payloads: remove the wrappers, then pass the content to its decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datacheck.decoders.foreign import known_format
from datacheck.decoders.interface import Decoder, HoldingPictures, NamingClasses, Value
from datacheck.decoders.wrappers.table import begins, peel
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import UNKNOWN, FamilyProfile

TOGETHER = 32 << 20
"""Size in bytes up to which unpacked records are collected before the inner decoder gets them."""


class UnknownInside:
    """Stands in for the decoder of wrapped content that no decoder knows, so that the wrapper is checked anyway."""

    name = UNKNOWN

    def knows(self, value: Value) -> bool:
        return False

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        for row in rows:
            value = block.values[row]
            name = known_format(value)
            description = f"begins with the bytes {bytes(value[:8]).hex(' ')}" if name is None else f"is {name}"
            yield row, found("unknown-payload", f"unpacked, no decoder knows it; it {description}")


class WrappedDecoder:
    """Decodes wrapped values: `wrappers` are listed from the outside in, `inner` is the decoder of the content."""

    def __init__(self, wrappers: tuple[str, ...], inner: Decoder) -> None:
        self.name = "+".join((*wrappers, inner.name))
        self._wrappers = wrappers
        self._inner = inner

    def knows(self, value: Value) -> bool:
        peeled = peel(self._wrappers, value)
        if not peeled.value and not peeled.sound:  # broken before any of it could be unpacked
            return begins(self._wrappers[0], value)
        return bool(peeled.value) and (self._inner.name == UNKNOWN or self._inner.knows(peeled.value))

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        values: list[bytes | memoryview] = [b""] * len(block)
        unpacked_rows: list[int] = []
        size = 0
        for row in rows:
            peeled = peel(self._wrappers, block.values[row])
            if peeled.finding is not None:
                yield row, peeled.finding
            if not peeled.sound:
                continue
            if not peeled.value:
                yield row, found("empty", f"{' in '.join(reversed(self._wrappers))} data that holds nothing")
                continue
            values[row] = peeled.value
            unpacked_rows.append(row)
            size += len(peeled.value)
            if size > TOGETHER:
                yield from self._inner.decode(Block(block.keys, values), unpacked_rows, profile, pixels=pixels)
                values, unpacked_rows, size = [b""] * len(block), [], 0
        if unpacked_rows:
            yield from self._inner.decode(Block(block.keys, values), unpacked_rows, profile, pixels=pixels)

    def classes(self, value: Value) -> frozenset[str]:
        """Return the dotted names of the classes that the content names."""
        peeled = peel(self._wrappers, value)
        inner = self._inner
        return inner.classes(peeled.value) if peeled.sound and isinstance(inner, NamingClasses) else frozenset()


class WrappedPictureDecoder(WrappedDecoder):
    """Decodes wrapped values that are or contain a picture."""

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the picture as stored, or None if this value has none."""
        peeled = peel(self._wrappers, value)
        inner = self._inner
        return inner.stored_picture(peeled.value) if peeled.sound and isinstance(inner, HoldingPictures) else None


def wrapped(wrappers: tuple[str, ...], inner: Decoder) -> Decoder:
    """Return a decoder for what `inner` decodes, inside these wrappers."""
    decoder_class = WrappedPictureDecoder if isinstance(inner, HoldingPictures) else WrappedDecoder
    return decoder_class(wrappers, inner)
