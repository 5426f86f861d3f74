"""Decode records of one layout together: compare them with the fixed bytes of one that was walked, and view the values.

This is as strict as the walk: every byte of a record outside its values equals that of a record without a flaw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.pictures.in_arrays import first_bytes_decide
from datacheck.decoders.rows import real
from datacheck.decoders.trees.layouts import Layout, RecordReader
from datacheck.decoders.trees.leaves import Leaf
from datacheck.decoders.trees.places import Place
from datacheck.decoders.trees.references import reference_findings
from datacheck.decoders.trees.within import (
    FIRST_LETTERS,
    LONGEST_ID,
    NAN_TEXTS,
    SHORTEST_APART,
    is_suspect,
    stands_apart,
)
from datacheck.model.batch import Batch, SeparateArrays
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths, lengths
from datacheck.model.profile import FamilyProfile

LAYOUTS = 4
"""Maximum number of layouts that are determined for the records of one length."""
FEWEST = 4
"""Below this number of records, determining a layout is not worth its cost."""
MISSES = 4
"""Number of records with no layout, or an unshared one, after which no more are tried; shared layouts raise it."""
STRETCHES = 32
"""With more stretches of fixed bytes than this, as in lists of floats, all bytes are compared at once."""
COPIED = 1 << 12
"""Records up to this size in bytes are copied into one array; larger ones stay where they are."""


_MAY_STAND_APART = np.zeros(1 << 16, np.bool_)
"""Whether a text may have to be read by itself, by its first two bytes as one number."""
_MAY_STAND_APART[[int.from_bytes(letters.encode(), "big") for letters in FIRST_LETTERS]] = True


Places = Callable[[Value], tuple[list[Leaf], list[Place | None], NDArray[np.bool_]] | None]
"""A format's function that returns a record's leaves, the place of each one's values, and which bytes are fixed."""


def layout_of(value: Value, reading: Reading, places: Places, profile: FamilyProfile | None = None) -> Layout | None:
    """Return the layout of a record that was read, or None if anything is wrong with it or no byte may vary."""
    if reading.findings or reading.lacks or any(field.encoded for field in reading.fields):
        return None
    if any(first_bytes_decide(it.values, it.name, profile) for it in reading.fields if it.format == "array"):
        return None
    traced = places(value)
    if traced is None or len(traced[0]) != len(reading.fields):
        return None
    found, where, fixed = traced
    if [leaf.path for leaf in found] != [field.name for field in reading.fields] or fixed.all():
        return None
    for leaf, field in zip(found, reading.fields, strict=True):
        if leaf.kind in ("text", "bytes") and field.format not in ("text", "bytes"):
            return None  # it holds a payload, or an array whose dtype and shape are elsewhere in the record
    return Layout(bytes(value), fixed, reading.fields, where)


def decode_alike(
    read: Callable[[Value], Reading],
    places: Places,
    block: Block,
    rows: Sequence[int],
    profile: FamilyProfile | None,
) -> tuple[list[Batch], list[int]]:
    """Return the batches of the records that share a layout with others, and the rows of the remaining records."""
    kept_layouts = read.layouts if isinstance(read, RecordReader) else None
    batches: list[Batch] = []
    remaining: list[int] = []
    misses = hits = 0
    for size, alike in _by_length(block, rows).items():
        for layout in () if kept_layouts is None else kept_layouts.of_size(size):
            if len(alike) >= FEWEST:
                found, alike = _matching(layout, block, alike, profile)
                batches += found
        for _ in range(LAYOUTS):
            if len(alike) < FEWEST or misses > MISSES + hits // FEWEST:
                break
            value = bytes(block.values[alike[0]])
            new_layout = layout_of(value, read(value), places, profile)
            if new_layout is None:
                misses += 1
                remaining.append(alike.pop(0))
                continue
            before = len(alike)
            found, alike = _matching(new_layout, block, alike, profile)
            batches += found
            count = before - len(alike)
            misses += count == 1
            hits += count - 1
            if kept_layouts is not None and count > 1:
                kept_layouts.keep(new_layout)
        remaining += alike
    return batches, sorted(remaining)


def _by_length(block: Block, rows: Sequence[int]) -> dict[int, list[int]]:
    """Group the rows by the size of their values in bytes."""
    sizes = lengths(block.values)
    if len(rows) < len(sizes):
        sizes = [sizes[row] for row in rows]
    if sizes and sizes.count(sizes[0]) == len(sizes):
        return {sizes[0]: list(rows)}
    by_length: dict[int, list[int]] = {}
    for row, size in zip(rows, sizes, strict=True):
        by_length.setdefault(size, []).append(row)
    return by_length


def _matching(
    layout: Layout, block: Block, rows: list[int], profile: FamilyProfile | None
) -> tuple[list[Batch], list[int]]:
    """Return the batches of the records that have this layout, and the rows of those that do not."""
    if len(layout.raw) <= COPIED:
        matches, values = _match_small(layout, block, rows)
    else:
        matches, values = _match_in_rows(layout, block, rows) or _match_large(layout, block, rows)
    if not matches:
        return [], rows
    if layout.leading and (misled := {rows[matches[at]] for at in _misled(layout, values, len(matches), profile)}):
        found, left = _matching(layout, block, [row for row in rows if row not in misled], profile)
        return found, sorted([*left, *misled])
    if len(matches) == len(rows):
        return list(_batches(layout, rows, values, profile)), []
    chosen = set(matches)
    taken = [rows[at] for at in matches]
    return list(_batches(layout, taken, values, profile)), [row for at, row in enumerate(rows) if at not in chosen]


Taken = tuple[list[int], Callable[[Place], Any]]


def _match_small(layout: Layout, block: Block, rows: Sequence[int]) -> Taken:
    """Compare small records all at once."""
    length = len(layout.raw)
    if isinstance(block.values, EqualLengths):
        records = block.values.rows if len(rows) == len(block.values) else block.values.rows[list(rows)]
    else:
        chosen = block.values if len(rows) == len(block.values) else [block.values[row] for row in rows]
        records = np.frombuffer(b"".join(chosen), np.uint8).reshape(len(rows), length)
    equal = records == np.frombuffer(layout.raw, np.uint8)
    equal |= ~layout.fixed
    is_match = equal.all(axis=1)
    for text in layout.texts:
        is_match &= (records[:, text.at : text.at + text.size] < 0x80).all(axis=1)
    chosen_rows = np.flatnonzero(is_match)
    if len(chosen_rows) < len(records):
        records = records[chosen_rows]
    if apart := _apart_rows(layout, records):
        records, chosen_rows = np.delete(records, apart, axis=0), np.delete(chosen_rows, apart)

    def values(place: Place) -> NDArray[Any]:
        dtype = np.dtype(place.dtype)
        piece = np.ascontiguousarray(records[:, place.at : place.at + place.size])
        start: NDArray[Any] = np.ndarray((len(piece),), dtype, piece, 0, (place.size,))
        return as_strided(start, (len(piece), *place.shape), (place.size, *place.strides), writeable=False)

    return chosen_rows.tolist(), values


def _apart_rows(layout: Layout, records: NDArray[np.uint8]) -> list[int]:
    """Return the rows of records one of whose texts has to be read by itself."""
    rows: list[int] = []
    for text in layout.texts if len(records) else ():
        chunk = np.ascontiguousarray(records[:, text.at : text.at + text.size])
        whole = chunk.tobytes()
        if any(it.encode() in whole for it in (*NAN_TEXTS, "inf")):
            rows += [row for row, it in enumerate(chunk) if stands_apart(it.tobytes().decode("latin-1"))]
            continue
        if text.size < SHORTEST_APART:
            continue
        first = records[:, text.at].astype(np.uint16) << 8 | records[:, text.at + 1]
        suspect = _MAY_STAND_APART[first]
        if text.size > LONGEST_ID:
            suspect = suspect | (records[:, text.at : text.at + LONGEST_ID] != ord(" ")).all(axis=1)
        rows += [
            row
            for row in np.flatnonzero(suspect).tolist()
            if stands_apart(records[row, text.at : text.at + text.size].tobytes().decode("latin-1"))
        ]
    return rows


def _is_plain_text(text: bytes) -> bool:
    """Check whether the bytes of a text are below 128, and the text need not be read by itself."""
    if not text.isascii():
        return False
    as_text = str(text, "ascii")
    return not (is_suspect(as_text) and stands_apart(as_text))


def _match_in_rows(layout: Layout, block: Block, rows: Sequence[int]) -> Taken | None:
    """Compare large records all at once if they are the rows of one array, and view their values there.

    Return None if they are not rows of an array, or do not all have this layout: removing the others would mean
    copying.
    """
    if not isinstance(block.values, EqualLengths) or len(rows) < len(block) or len(layout.spans) > STRETCHES:
        return None
    records = block.values.rows
    if records.strides[1] != 1:
        return None
    for start, stop, raw in layout.spans:
        if not (records[:, start:stop] == np.frombuffer(raw, np.uint8)).all():
            return None
    for text in layout.texts:
        if not (records[:, text.at : text.at + text.size] < 0x80).all():
            return None
    if _apart_rows(layout, records):
        return None

    def values(place: Place) -> NDArray[Any]:
        dtype = np.dtype(place.dtype)
        start = records[:, place.at : place.at + dtype.itemsize].view(dtype)[:, 0]
        result: NDArray[Any] = as_strided(
            start, (len(records), *place.shape), (records.strides[0], *place.strides), writeable=False
        )
        return result

    return list(range(len(rows))), values


def _match_large(layout: Layout, block: Block, rows: Sequence[int]) -> Taken:
    """Compare large records one by one, by stretches of fixed bytes, without copying any."""
    spans, texts = layout.spans, layout.texts
    template, free = np.frombuffer(layout.raw, np.uint8), ~layout.fixed
    matching: list[int] = []
    records: list[Value] = []
    for at, row in enumerate(rows):
        value = block.values[row]
        if len(spans) > STRETCHES:
            equal = bool(((np.frombuffer(value, np.uint8) == template) | free).all())
        else:
            equal = all(value[start:stop] == raw for start, stop, raw in spans)
        if equal and all(_is_plain_text(bytes(value[text.at : text.at + text.size])) for text in texts):
            matching.append(at)
            records.append(value)

    def values(place: Place) -> Any:
        dtype = np.dtype(place.dtype)
        if not place.shape:
            return np.frombuffer(b"".join([value[place.at : place.at + place.size] for value in records]), dtype)
        return SeparateArrays([np.ndarray(place.shape, dtype, value, place.at, place.strides) for value in records])

    return matching, values


def _misled(layout: Layout, values: Callable[[Place], Any], count: int, profile: FamilyProfile | None) -> Iterator[int]:
    """Yield the positions of the `count` records that have numbers that lead to nothing in the record."""
    parts = []
    for at in layout.leading:
        field, place = layout.fields[at], layout.places[at]
        column = values(place) if place is not None and place.dtype else [field.values] * count
        parts.append((field.name, column))
    for row in range(count):
        fields = [Field(name, column[row]) for name, column in parts]
        if next(reference_findings(fields, profile), None) is not None:
            yield row


def _batches(
    layout: Layout, rows: Sequence[int], values: Callable[[Place], Any], profile: FamilyProfile | None
) -> Iterator[Batch]:
    for field, place in zip(layout.fields, layout.places, strict=True):
        column: Any
        if place is None or not place.dtype:
            column = np.repeat(field.values[np.newaxis], len(rows), axis=0)
        else:
            column = values(place)
            if isinstance(column, SeparateArrays):
                if column.dtype != field.values.dtype:
                    native, dtype = column.dtype.newbyteorder("="), field.values.dtype
                    each = (real(it[np.newaxis].astype(native, copy=False))[0] for it in column)
                    column = SeparateArrays([it.astype(dtype, copy=False) for it in each])
            else:
                column = real(column)
            if column.dtype != field.values.dtype:  # a number stored in fewer bytes
                column = column.astype(field.values.dtype)
        yield Batch(
            field.name, rows, column, format=field.format, label=field.label, leaf=field.leaf,
            expected=None if profile is None else profile.fields.get(field.name),
        )  # fmt: skip
