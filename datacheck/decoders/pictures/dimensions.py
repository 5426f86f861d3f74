"""Read the height and width of a picture from its header alone."""

from __future__ import annotations

import io
import warnings

from datacheck.decoders.interface import Value
from datacheck.decoders.pictures.picture import sniff


def dimensions(value: Value) -> tuple[int, int] | None:
    """Return the height and width of a picture that is the value or is held by a Datum; None if there is none to read.

    TIFF is left out: its header may lie anywhere.
    """
    name = sniff(value)
    if name is None:
        stored = _datum_picture(value)
        name = None if stored is None else sniff(stored)
        value = value if stored is None else stored
    if name is None or name == "TIFF":
        return None
    from datacheck.decoders.pictures.pillow import PLUGINS

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = PLUGINS[name](io.BytesIO(bytes(value))).size
    except Exception:  # noqa: BLE001  (what is wrong with the picture, its decoder says)
        return None
    return (height, width) if height > 0 and width > 0 else None


def _datum_picture(value: Value) -> bytes | None:
    from datacheck.decoders.datum.decoder import DatumDecoder

    datum = DatumDecoder()
    return datum.stored_picture(value) if datum.knows(value) else None
