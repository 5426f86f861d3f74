"""The payloads datacheck decodes: one file per payload, a literal table, and `recognise`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from datacheck.batch import Batch
from datacheck.model import Block, FamilyProfile, Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

Value = bytes | memoryview


class Decoder(Protocol):
    """Turns the records at `rows` of a block into batches of values, and findings by position in the block.

    Bad data is a finding; a decoder raises nothing. `profile` is what the family of these records is meant to hold,
    None while that is being found out. Without `pixels`, a decoder may find out that a picture is sound and yet not
    make its pixels: its batch is then `unseen`.
    """

    name: str

    def knows(self, value: Value) -> bool:
        """Say whether one value is, or once was, a payload of this kind: cheap, and strict enough to vote."""
        ...

    def decode(
        self, block: Any, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        """Yield the batches and findings of the records at `rows` of `block`."""
        ...


@runtime_checkable
class HoldingPictures(Protocol):
    """A decoder of payloads that are an encoded picture, or have one in them."""

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the picture as it is stored, None where this value has none."""
        ...


@dataclass(frozen=True)
class Payload:
    """A row of DECODERS: the decoder's module and class, what it decodes, and how a headline calls the records.

    In the title, "{field}" stands for the name of the records' main field. Payloads `beside` accompany records worth
    training on, and are none themselves. A decoder of `rows` takes a RowBlock, all others take single values.
    """

    decoder: tuple[str, str]
    decodes: str
    title: str
    beside: bool = False
    rows: bool = False


DECODERS: dict[str, Payload] = {
    "picture": Payload(
        ("datacheck.decoders.pictures", "PictureDecoder"),
        "bare JPEG, PNG, WebP, GIF, BMP or TIFF files",
        title="pictures",
    ),
    "npy": Payload(("datacheck.decoders.npy", "NpyDecoder"), "NumPy .npy bytes", title=".npy arrays"),
    "datum": Payload(
        ("datacheck.decoders.datum", "DatumDecoder"),
        "Caffe Datum: raw data, float_data or an encoded picture",
        title="Datum",
    ),
    "decimal": Payload(
        ("datacheck.decoders.text", "DecimalDecoder"),
        "decimal numbers, as picture stores keep beside the pictures",
        title="decimal numbers",
        beside=True,
    ),
    "text": Payload(
        ("datacheck.decoders.text", "TextDecoder"),
        "UTF-8 text, as picture stores keep beside the pictures",
        title="texts",
        beside=True,
    ),
    "rows": Payload(
        ("datacheck.decoders.rows", "RowsDecoder"), "rows of HDF5 datasets", title="rows with {field}", rows=True
    ),
}
"""The payloads by name, in the order in which they are asked."""

SIDE_DECODERS = frozenset(name for name, row in DECODERS.items() if row.beside)
"""Payloads that accompany records worth training on, and are none themselves."""


@cache
def decoder(name: str) -> Decoder:
    """Return the decoder of that name; raises KeyError for an unknown one."""
    module, cls = DECODERS[name].decoder
    made: Decoder = getattr(importlib.import_module(module), cls)()
    return made


def kind(value: Value) -> str | None:
    """Return the name of the first decoder that knows the value."""
    return next((name for name in value_decoders() if decoder(name).knows(value)), None)


def value_decoders() -> list[str]:
    """Return the names of the decoders that take single values, as key-value stores hold them."""
    return [name for name, row in DECODERS.items() if not row.rows]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one record: its values, an array of any shape or a number; see `Batch` for the rest."""

    name: str
    values: NDArray[Any]
    format: str = ""
    encoded: bool = False
    label: bool = False
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What one record turned out to hold. A record with a bad finding may have no fields at all."""

    fields: Sequence[Field] = ()
    findings: Sequence[Finding] = ()


Read = Callable[[Value, FamilyProfile | None], Reading]
STACKED_BYTES = 1 << 16
"""Values of at most this size are copied together into one batch; larger ones are a batch of one, never copied."""


def decode_each(
    read: Read, block: Block, rows: Sequence[int], profile: FamilyProfile | None
) -> Iterator[Batch | tuple[int, Finding]]:
    """Decode one record at a time and stack equal ones: the plain way, for decoders that have no faster one."""
    import numpy as np  # here, so that looking a decoder's name up does not load it

    stacks: dict[tuple[Any, ...], tuple[Field, list[int], list[NDArray[Any]]]] = {}
    lacking: dict[str, list[int]] = {}
    wanted = {} if profile is None else {name: it for name, it in profile.fields.items() if it.share > 0.5}
    for row in rows:
        reading = read(block.values[row], profile)
        for finding in reading.findings:
            yield row, finding
        if any(finding.verdict == "bad" for finding in reading.findings):
            continue
        for name in wanted.keys() - {field.name for field in reading.fields}:
            lacking.setdefault(name, []).append(row)
        for field in reading.fields:
            if field.values.nbytes > STACKED_BYTES and not field.unseen:
                yield _batch(field, [row], field.values[None], profile)
                continue
            same = (field.name, field.format, field.values.shape, field.values.dtype, field.unseen)
            _, at, values = stacks.setdefault(same, (field, [], []))
            at.append(row)
            values.append(field.values)
    for field, at, values in stacks.values():
        shape = (len(at), *field.values.shape)
        yield _batch(field, at, np.broadcast_to(values[0], shape) if field.unseen else np.stack(values), profile)
    for name, at in lacking.items():
        yield Batch(name, (), np.empty(0), label=name == "label", absent=at, expected=wanted[name])


def _batch(field: Field, rows: Sequence[int], values: NDArray[Any], profile: FamilyProfile | None) -> Batch:
    return Batch(
        field.name,
        rows,
        values,
        format=field.format,
        encoded=field.encoded,
        label=field.label,
        expected=None if profile is None else profile.fields.get(field.name),
        unseen=field.unseen,
    )
