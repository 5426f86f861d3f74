"""The payloads datacheck decodes: one file per payload, a literal table, and `recognise`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache

from datacheck.decoders.interface import Decoder, Value


@dataclass(frozen=True)
class Payload:
    """A row of DECODERS: the decoder's module and class, what it decodes, and how a headline calls the records.

    In the title, "{field}" stands for the name of the records' main field. Payloads `beside` accompany records worth
    training on, and are none themselves. A decoder of `rows` takes a RowBlock, all others take single values.
    Modules that come `late` are not loaded with the decoder, but by the first record that needs them.
    """

    decoder: tuple[str, str]
    decodes: str
    title: str
    beside: bool = False
    rows: bool = False
    late: tuple[str, ...] = ()


LATE = tuple(f"datacheck.decoders.pictures.{name}" for name in ("jpeg", "png", "pillow"))
"""The modules that load the libraries for pictures."""
DECODERS: dict[str, Payload] = {
    "picture": Payload(
        ("datacheck.decoders.pictures.decoder", "PictureDecoder"),
        "bare JPEG, PNG, WebP, GIF, BMP or TIFF files",
        title="pictures",
        late=LATE,
    ),
    "npy": Payload(("datacheck.decoders.npy", "NpyDecoder"), "NumPy .npy bytes", title=".npy arrays"),
    "datum": Payload(
        ("datacheck.decoders.datum.decoder", "DatumDecoder"),
        "Caffe Datum: raw data, float_data or an encoded picture",
        title="Datum",
        late=(*LATE, "datacheck.decoders.datum.alike"),
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
    "byte": Payload(
        ("datacheck.decoders.text", "ByteDecoder"),
        "single bytes, as picture stores keep labels beside the pictures",
        title="single bytes",
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


def load_all() -> None:
    """Load every decoder with all that it would load at some record, so that no record waits for that."""
    for name, row in DECODERS.items():
        decoder(name)
        for module in row.late:
            importlib.import_module(module)


def kind(value: Value) -> str | None:
    """Return the name of the first decoder that knows the value."""
    return next((name for name in value_decoders() if decoder(name).knows(value)), None)


def value_decoders() -> list[str]:
    """Return the names of the decoders that take single values, as key-value stores hold them."""
    return [name for name, row in DECODERS.items() if not row.rows]
