"""Show one record: its picture as loaders see it, its values as colours or a curve, its parts in words.

Runs in a worker. The result is small, whatever the size of the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from datacheck.decoders import JOINT, SIDE_DECODERS, decoder, kind
from datacheck.decoders.interface import HoldingPictures, Value
from datacheck.decoders.pictures import eyes
from datacheck.decoders.pictures.picture import sniff
from datacheck.decoders.trees.leaves import leaves
from datacheck.decoders.trees.reading import picture_of
from datacheck.decoders.trees.tree import Parsed
from datacheck.decoders.wrappers.table import peel
from datacheck.model.batch import Batch
from datacheck.model.blocks import AnyBlock, Block, RowBlock
from datacheck.model.cells import RAGGED
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.profile import UNKNOWN, FamilyProfile, Profile
from datacheck.reporting.page import pixels
from datacheck.reporting.png import png
from datacheck.reporting.samples import Look
from datacheck.reporting.summary import amount
from datacheck.scanning.judging.columns import cell_blocks, full_and_empty, ragged_batches

if TYPE_CHECKING:
    from numpy.typing import NDArray

LINES, LETTERS = 12, 200
"""Maximum number of lines that describe a record, and of characters per line."""
FIRST_BYTES = 48
LARGEST = 1 << 26
"""Maximum size of an array that is drawn, in bytes."""
ENDS_EARLY = frozenset({"truncated", "corrupt-image", "checksum"})
"""Codes of pictures of which a tolerant decoder may have made up parts."""


@runtime_checkable
class _Parsing(Protocol):
    """A decoder whose records are trees."""

    def parse(self, value: Value) -> Parsed: ...


@dataclass
class _Parts:
    """The contents of a record: arrays, encoded pictures by field, and texts."""

    batches: list[Batch] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def take(self, items: Iterator[Batch | Any]) -> None:
        self.batches += [it for it in items if isinstance(it, Batch) and len(it.rows) and it.values.dtype.kind != "S"]


def look_at(block: AnyBlock, profile: Profile, finding: Finding, *, sound: bool = False) -> Look:
    """Return what the first record of a block looks like, at a finding's field or at its main field.

    `sound` is set if the record is not the one that the finding is about.
    """
    parts = _value_parts(block, profile) if isinstance(block, Block) else _row_parts(block, profile)
    lines = [*(_line(it) for it in parts.batches[:LINES] if it.shape != (0,)), *parts.words]
    texts = tuple(plain(it[:LETTERS]) for it in lines[:LINES])
    for name in _in_order(parts, finding.field):
        if name in parts.pictures:
            look = _picture_look(parts.pictures[name], texts, "" if sound else finding.code)
            if look is not None:
                return look
        for batch in parts.batches:
            if batch.field == name and batch.width > 1 and not batch.pixels_skipped:
                return _array_look(np.asarray(batch.values[0]), texts)
    if not texts and isinstance(block, Block):
        texts = (plain(_bytes(block.values[0])),)
    return Look(texts)


def _in_order(parts: _Parts, wanted: str | None) -> Iterator[str]:
    """Yield the fields that may be shown: the wanted one first, then pictures, then arrays from the largest."""
    if wanted is not None:
        yield wanted
    yield from parts.pictures
    for batch in sorted(parts.batches, key=lambda it: -it.width):
        if not batch.label:
            yield batch.field


def _picture_look(raw: bytes, lines: tuple[str, ...], code: str) -> Look | None:
    name = sniff(raw)
    if name == "JPEG":
        from datacheck.decoders.pictures import jpeg

        shown, filling = jpeg.as_loaders_see(raw), pixels.FLAT_GREY
    else:
        from datacheck.decoders.pictures import pillow

        shown, filling = (None if name is None else pillow.as_loaders_see(raw, name)), pixels.BLACK
    if shown is None:
        return None
    damaged = (pixels.filled_areas(shown, filling) or _spoilt(raw)) if code in ENDS_EARLY else ()
    return _drawn(pixels.thumbnail(shown), lines, damaged=damaged)


def _spoilt(raw: bytes) -> tuple[pixels.Area, ...]:
    """Return the area in which damage to a JPEG's data shows, up to the row where a decoder can resume."""
    damage = eyes.damage_of(raw) if sniff(raw) == "JPEG" else None
    if damage is None:
        return ()
    top = (damage.row - 1) / damage.rows
    return ((0.0, top, 1.0, damage.last / damage.rows - top),)


def _array_look(values: NDArray[Any], lines: tuple[str, ...]) -> Look:
    if values.nbytes > LARGEST:
        return Look(lines, note=f"{amount(values.nbytes)}: too large to draw")
    picture = pixels.array_picture(values)
    if picture is not None:
        return _drawn(picture.pixels, lines, is_map=picture.map, marks=picture.marks)
    return Look(lines, curve=pixels.curve(values))


def _drawn(
    shown: NDArray[np.uint8] | None,
    lines: tuple[str, ...],
    *,
    is_map: bool = False,
    damaged: tuple[pixels.Area, ...] = (),
    marks: tuple[pixels.Mark, ...] = (),
) -> Look:
    if shown is None:
        return Look(lines)
    height, width = shown.shape[:2]
    return Look(lines, png(shown), width, height, is_map, damaged, marks)


def _value_parts(block: Block, profile: Profile) -> _Parts:
    """Return the contents of a value of a key-value store."""
    value = block.values[0]
    parts = _Parts()
    if not len(value):
        parts.words.append("no bytes at all")
        return parts
    (name,) = block.named([0], profile.families)
    family = profile.rest if name is None else profile.families[name]
    return _decoded(parts, block, family, value)


def _decoded(parts: _Parts, block: Block, family: FamilyProfile | None, value: Value) -> _Parts:
    name = None if family is None or family.decoder == UNKNOWN else family.decoder
    if name is None:
        name = kind(value)
        family = None
    if name is not None:
        parts.take(iter(decoder(name).decode(block, [0], family)))
        _inside(parts, name, value)
    if not (parts.batches or parts.words or parts.pictures):
        parts.words.append(_bytes(value))
    return parts


def _inside(parts: _Parts, name: str, value: Value) -> None:
    """Add the pictures and texts that a value holds."""
    *wrappers, inner = name.split(JOINT)
    if wrappers:
        peeled = peel(tuple(wrappers), value)
        if not peeled.sound:
            return
        value = peeled.value
    decodes = decoder(inner)
    if inner in SIDE_DECODERS:
        parts.words.append(_quoted("", bytes(value)))
    elif isinstance(decodes, _Parsing):
        parsed = decodes.parse(value)
        for leaf in leaves(parsed.tree).leaves:
            picture = picture_of(leaf)
            if picture is not None:
                parts.pictures.setdefault(leaf.path, picture)
            elif leaf.kind == "text" and isinstance(leaf.node, str):
                parts.words.append(f'{leaf.path}: "{leaf.node[:LETTERS]}"')
    elif isinstance(decodes, HoldingPictures):
        picture = decodes.stored_picture(value)
        if picture is not None and sniff(picture):
            parts.pictures["data"] = picture


def _row_parts(block: RowBlock, profile: Profile) -> _Parts:
    """Return the contents of a row of a table: its numbers, and the contents of the cells of its other columns."""
    parts = _Parts()
    family = profile.families.get(block.table) or FamilyProfile("rows", 0)
    numbers, cells = cell_blocks(block, family)
    parts.take(iter(decoder("rows").decode(numbers, [0], family)))
    for cell in cells:
        column = family.columns.get(cell.column)
        full, _ = full_and_empty(cell)
        if not full:
            parts.words.append(f"{cell.column}: empty")
        elif cell.holds == RAGGED:
            parts.take(ragged_batches(cell, full, column))
        else:
            inside = _Parts()
            value = cell.values[0]
            name = kind(value) if column is None or column.decoder == UNKNOWN else column.decoder
            if name is None:
                parts.words.append(f"{cell.column}: {_bytes(value)}")
                continue
            parts.take(cell.placed(it) for it in decoder(name).decode(cell, full, column))
            _inside(inside, name, value)
            parts.pictures |= {cell.field(it): raw for it, raw in inside.pictures.items()}
            parts.words += (f"{cell.column}: {it}" for it in inside.words)
    return parts


def _line(batch: Batch) -> str:
    """Return a line that describes an array."""
    values = np.asarray(batch.values[0])
    if batch.shape == ():
        return f"{batch.field}: {values.item():.7g}" if values.dtype.kind == "f" else f"{batch.field}: {values.item()}"
    shape = "x".join(map(str, batch.shape))
    what = " ".join(word for word in (batch.format, shape, str(batch.values.dtype)) if word)
    return f"{batch.field}: {what}{_spread(values)}"


def _spread(values: NDArray[Any]) -> str:
    if not values.size or values.dtype.kind not in "uif" or values.nbytes > LARGEST:
        return ""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not finite.size:
        return ", no finite value"
    return f", from {finite.min():.7g} to {finite.max():.7g}"


def _quoted(name: str, raw: bytes) -> str:
    text = raw[: 4 * LETTERS].decode("utf-8", "backslashreplace")[:LETTERS]
    return f'{name}"{text}"'


def _bytes(value: Value) -> str:
    head = bytes(value[:FIRST_BYTES])
    if head.isascii() and head.decode().isprintable():
        return f'{amount(len(value))}: "{head.decode()}"{"" if len(head) == len(value) else "..."}'
    return f"{amount(len(value))}, beginning with {head.hex(' ')}"
