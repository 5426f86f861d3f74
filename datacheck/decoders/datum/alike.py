"""Decode Datum records that are alike, with equal length and equal bytes around their values, all at once.

A store's records usually differ only in their pixels and labels. So one record is parsed, and the others of its length
are compared with it outside the values, a column of bytes at a time: if everything but the label is equal, parsing them
would give the same result. Records that are not alike are left to the decoder that works record by record.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from datacheck.decoders.datum.message import DATA, FLOAT_DATA, FLOAT_TAG, LABEL, parse
from datacheck.decoders.datum.raw_values import raw
from datacheck.decoders.interface import Value
from datacheck.decoders.one_by_one import STACKED_BYTES
from datacheck.decoders.pictures.picture import JPEG, sniff
from datacheck.model.batch import Batch, SeparateArrays
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths, lengths
from datacheck.model.finding import Finding
from datacheck.model.profile import FamilyProfile

if TYPE_CHECKING:
    from datacheck.decoders.pictures.jpeg import HeaderCache

ALIKE = 4
"""Below this number of records, a comparison is not worth its cost."""
TEMPLATES = 4
"""Maximum number of records per length that are tried as a template for the others."""
GATHERED_BYTES = 4096
"""Float records up to this size in bytes are joined before extraction; of larger ones only the floats are copied."""
LONGEST_LABEL = 10
UNKNOWN_SHAPE = (0, 0, 0)
"""Shape of an encoded Datum that declares none."""
LONGEST_TAIL = 64
_DATA = re.compile(rb"(?:[\x08\x10\x18\x28\x38][\x80-\xff]{0,9}[\x00-\x7f])*\x22([\x80-\xff]{0,4}[\x00-\x7f])")
"""Matches the number fields before a Datum's data, and the data's tag and length."""
_SHIFTS = 7 * np.arange(LONGEST_LABEL, dtype=np.uint64)

Items = Generator[Batch | tuple[int, Finding], None, Sequence[int]]
"""Yields batches and findings; returns the rows that it did not decode."""


class Template(msgspec.Struct, frozen=True):
    """A record that others are compared with: its values from `start` to `stop`, and the `frame` of bytes around them.

    `label` is the position of the label's bytes in the frame. With `floats`, the values are unpacked float_data, each
    after its tag. `findings` apply to every record that is alike, unless its values are a picture.
    """

    start: int
    stop: int
    frame: NDArray[np.uint8]
    label: slice | None
    floats: bool
    shape: tuple[int, ...]
    findings: Sequence[Finding] = ()

    @classmethod
    def from_record(cls, value: Value) -> Template | None:
        """Return the template made from a record, or None if the record has to be decoded by itself."""
        datum, finding = parse(value)
        if datum.data and not any(datum.shape):
            return None  # it may hold another payload
        if datum.encoded or len(datum.floats) > 1 or bool(datum.floats) == (DATA in datum.spans):
            return None
        floats = bool(datum.floats)
        if floats and (FLOAT_DATA not in datum.spans or datum.data):
            return None
        start, stop = datum.spans[FLOAT_DATA if floats else DATA]
        if finding is not None and not (finding.code == "truncated" and not floats and stop > len(value)):
            return None
        findings = raw(datum)[1] if finding is None else [finding]
        stop = min(stop, len(value))
        label = datum.spans.get(LABEL)
        if label is not None and label[1] - label[0] == LONGEST_LABEL:
            label = label[0], label[1] - 1  # the last byte has only one value that keeps the number within 32 bits
        if label is not None and label[0] > start:
            label = label[0] - (stop - start), label[1] - (stop - start)
        frame = np.frombuffer(b"".join((value[:start], value[stop:])), np.uint8)
        return cls(start, stop, frame, None if label is None else slice(*label), floats, datum.shape, findings)


def decode_alike(block: Block, rows: Sequence[int], profile: FamilyProfile) -> Items:
    """Yield the batches and findings of records that are alike, and return the rows of all others."""
    values = block.values
    sizes = lengths(values)
    if len(rows) < len(values):
        sizes = [sizes[row] for row in rows]
    by_size: dict[int, list[int]] = {}
    if len(set(sizes)) == 1:
        by_size[sizes[0]] = list(rows)
    else:
        for row, size in zip(rows, sizes, strict=True):
            by_size.setdefault(size, []).append(row)
    if len(by_size) * ALIKE > len(rows):
        return rows
    left: list[int] = []
    for candidates in by_size.values():
        attempts = 0
        while len(candidates) >= ALIKE and attempts < TEMPLATES:
            attempts += 1
            template = Template.from_record(values[candidates[0]])
            if template is None:
                left.append(candidates.pop(0))
            else:
                candidates = yield from _decode_matching(template, values, candidates, profile)
        left += candidates
    return sorted(left)


def _decode_matching(
    template: Template, values: Sequence[Value], rows: list[int], profile: FamilyProfile
) -> Generator[Batch | tuple[int, Finding], None, list[int]]:
    """Yield the batches and findings of the records at `rows` that are like the template, and return the other rows."""
    records = _pick(values, rows)
    stack, frames = _surrounding_bytes(template, records)
    differences = frames ^ template.frame
    if template.label is not None:
        differences[:, template.label] &= 0x80
    alike: NDArray[np.bool_] = np.logical_not(differences.any(axis=1))
    labels = None
    if template.label is not None:
        labels = _labels(frames, template.label)
        alike &= (labels >= -(1 << 31)) & (labels < 1 << 31)
    if template.floats:
        alike &= _has_float_tags(template, records, stack)
    if template.findings:  # if the values are a picture, the finding would name its kind instead
        alike &= np.array([sniff(value[template.start : template.start + 32]) is None for value in records])
    places = np.flatnonzero(alike).tolist()
    chosen, left = rows, []
    if len(places) < len(rows):
        chosen, left = [rows[place] for place in places], [rows[place] for place in np.flatnonzero(~alike)]
        labels = None if labels is None else labels[alike]
        stack = None if stack is None or stack.shape[1] > STACKED_BYTES else stack[alike]
    if template.findings:
        yield from ((row, finding) for row in chosen for finding in template.findings)
    elif chosen:
        kind = "float_data" if template.floats else ""
        pixels = _pixels(template, stack, records, places)
        yield Batch("data", chosen, pixels, format=kind, expected=profile.fields.get("data"))
        yield from _label_batches(chosen, labels, profile)
    return left


def _pick(values: Sequence[Value], rows: Sequence[int]) -> Sequence[Value]:
    """Return the values at `rows`; rows of EqualLengths are copied only if they are small."""
    if len(rows) == len(values):
        return values
    if isinstance(values, EqualLengths) and values.length <= STACKED_BYTES:
        return EqualLengths(values.rows[rows])
    return [values[row] for row in rows]


def _surrounding_bytes(
    template: Template, values: Sequence[Value]
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8]]:
    """Return the records as one array (None if that would copy large ones), and the bytes around their values."""
    start, stop = template.start, template.stop
    count, length = len(values), len(values[0])
    if isinstance(values, EqualLengths):
        return values.rows, np.concatenate((values.rows[:, :start], values.rows[:, stop:]), axis=1)
    if length <= (GATHERED_BYTES if template.floats else STACKED_BYTES):
        stack = np.frombuffer(b"".join(values), np.uint8).reshape(count, length)
        return stack, np.concatenate((stack[:, :start], stack[:, stop:]), axis=1)
    around = b"".join(part for value in values for part in (value[:start], value[stop:]))
    return None, np.frombuffer(around, np.uint8).reshape(count, len(template.frame))


def _labels(frames: NDArray[np.uint8], at: slice) -> NDArray[np.int64]:
    """Return the labels; `at` leaves out the last of ten bytes, which is always 1: such labels are negative."""
    seven_bits = (frames[:, at] & 0x7F).astype(np.uint64)
    labels: NDArray[np.uint64] = (seven_bits << _SHIFTS[: seven_bits.shape[1]]).sum(axis=1, dtype=np.uint64)
    if frames[0, at.stop - 1] & 0x80:
        labels |= np.uint64(1 << 63)
    return labels.view(np.int64)


def _has_float_tags(template: Template, values: Sequence[Value], stack: NDArray[np.uint8] | None) -> NDArray[np.bool_]:
    """Return which records have a tag before every float."""
    start, stop = template.start, template.stop
    if stack is not None:
        return np.asarray((stack[:, start:stop:5] == FLOAT_TAG).all(axis=1))
    return np.array([(np.frombuffer(it, np.uint8)[start:stop:5] == FLOAT_TAG).all() for it in values])


def _pixels(
    template: Template, stack: NDArray[np.uint8] | None, values: Sequence[Value], places: Sequence[int]
) -> NDArray[Any]:
    """Return the values of the records at `places`: views of bytes, but copies of floats."""
    start, stop, shape = template.start, template.stop, template.shape
    if template.floats:
        count = (stop - start) // 5
        if stack is not None and 4 * count <= STACKED_BYTES:
            first = stack[:, start + 1 : start + 5].view("<f4")
            return as_strided(first, (len(stack), count), (stack.strides[0], 5)).copy().reshape(len(stack), *shape)
        apart = [np.ndarray((count,), "<f4", values[place], start + 1, (5,)) for place in places]
        if 4 * count > STACKED_BYTES:
            return SeparateArrays([floats.copy().reshape(shape) for floats in apart])  # type: ignore[return-value]
        together = np.empty((len(places), count), "<f4")
        for floats, target in zip(apart, together, strict=True):
            target[:] = floats
        return together.reshape(len(places), *shape)
    if stack is not None:
        return stack[:, start:stop].reshape(len(stack), *shape)
    size = stop - start
    records = [np.frombuffer(values[place], np.uint8, size, start).reshape(shape) for place in places]
    return SeparateArrays(records)  # type: ignore[return-value]


def _label_batches(rows: list[int], labels: NDArray[np.int64] | None, profile: FamilyProfile) -> Generator[Batch]:
    expected = profile.fields.get("label")
    if labels is not None:
        yield Batch("label", rows, labels, format="Datum", label=True, expected=expected)
    elif expected is not None and expected.share > 0.5:
        yield Batch("label", (), np.empty(0), label=True, absent=rows, expected=expected)


def decode_without_pixels(block: Block, rows: Sequence[int], profile: FamilyProfile) -> Items:
    """Yield batches for sound pictures without decoding their pixels, and return the rows of all other records."""
    left: list[int] = []
    groups: dict[tuple[str, tuple[int, ...]], tuple[list[int], list[int]]] = {}
    headers: HeaderCache | None = None
    for row in rows:
        value = block.values[row]
        parts = _encoded(value)
        data = b"" if parts is None else bytes(value[parts.start : parts.stop])
        if headers is None and data.startswith(JPEG):
            from datacheck.decoders.pictures.jpeg import HeaderCache

            headers = HeaderCache()
        picture = None if headers is None else headers(data)
        if parts is None or picture is None or parts.shape not in (UNKNOWN_SHAPE, picture.pixels.shape):
            left.append(row)
            continue
        chosen, labels = groups.setdefault((picture.format, picture.pixels.shape), ([], []))
        chosen.append(row)
        labels.append(parts.label)
    for (kind, shape), (chosen, labels) in groups.items():
        pixels = np.broadcast_to(np.uint8(0), (len(chosen), *shape))
        expected = profile.fields.get("data")
        yield Batch("data", chosen, pixels, format=kind, encoded=True, pixels_skipped=True, expected=expected)
        yield from _label_batches(chosen, np.array(labels, np.int64), profile)
    return left


class _Parts(NamedTuple):
    """The position of the picture in an encoded Datum, the shape that it declares, and its label."""

    start: int
    stop: int
    shape: tuple[int, int, int]
    label: int


def _encoded(value: Value) -> _Parts | None:
    """Return the parts of an encoded Datum with a picture and a label, or None if it has to be decoded by itself.

    The bytes before and after the picture are parsed once for all records that share them.
    """
    match = _DATA.match(value)
    if match is None:
        return None
    start, size = match.end(), 0
    for byte in reversed(match[1]):
        size = size << 7 | byte & 0x7F
    stop = start + size
    if not size or stop > len(value) or len(value) - stop > LONGEST_TAIL:
        return None
    around = _around_picture(bytes(value[: match.start(1) - 1]), bytes(value[stop:]))
    return None if around is None else _Parts(start, stop, *around)


@lru_cache(maxsize=4096)
def _around_picture(head: bytes, tail: bytes) -> tuple[tuple[int, int, int], int] | None:
    """Return the shape and the label in the bytes around a picture, or None if there is anything else in them."""
    datum, finding = parse(head + tail)
    if finding is not None or not datum.encoded or datum.data is not None or datum.floats or LABEL not in datum.numbers:
        return None
    return datum.shape, datum.numbers[LABEL]
