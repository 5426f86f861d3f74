"""Convert the cells of an HDF5 table's column to values for payload decoders, or to batches of ragged numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.decoders import kind
from datacheck.decoders.interface import Value
from datacheck.decoders.npy_bytes import stored_size
from datacheck.decoders.one_by_one import STACKED_BYTES
from datacheck.decoders.pictures.picture import sniff
from datacheck.decoders.rows import real
from datacheck.model.batch import Batch
from datacheck.model.cells import BYTES, PADDED, RAGGED, TEXT, TEXTS, Cells
from datacheck.model.profile import EMPTY, UNKNOWN, FamilyProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 16
"""Minimum length of a row of numbers that may be the bytes of a picture."""
ASCII = 0x7F
PICKLED = 0x80
PICTURE = "picture"


def payloads(cells: Cells) -> list[Value]:
    """Return the bytes of each cell, without the trailing zeros that pad shorter ones."""
    if cells.holds == BYTES:
        return [it.view(np.uint8).data if isinstance(it, np.ndarray) else b"" for it in cells.values]
    if cells.holds == TEXT:
        return [it if isinstance(it, bytes) else _encoded(it) for it in cells.values]
    return [unpadded(row.tobytes()) for row in _octets(cells.values)]


def _encoded(text: object) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else b""


def _octets(values: NDArray[Any]) -> NDArray[np.uint8]:
    octets = np.ascontiguousarray(values).view(np.uint8)
    return octets.reshape(len(values), -1) if len(values) else octets.reshape(0, 0)


def kinds(cells: Cells) -> list[str]:
    """Return the kind of each cell: the name of the decoder that knows it, or UNKNOWN or EMPTY.

    HDF5 strings count as text unless a decoder other than those of decimals and single bytes knows them.
    """
    if cells.holds == PADDED:
        return [_padded_kind(row) for row in _octets(cells.values)]
    if cells.holds == RAGGED:
        return ["rows" if np.size(it) else EMPTY for it in cells.values]
    names = [(kind(it) or UNKNOWN) if len(it) else EMPTY for it in payloads(cells)]
    plain = {"decimal": "text", "byte": "text"} if cells.holds in TEXTS else {}
    if cells.holds == TEXT:
        plain[UNKNOWN] = "text"
    return [plain.get(it, it) for it in names]


def _padded_kind(row: NDArray[np.uint8]) -> str:
    if sniff(row[:32].tobytes()) is not None:
        return PICTURE
    return UNKNOWN if row.any() else EMPTY


def may_be_padded(values: NDArray[Any]) -> bool:
    """Check whether rows of numbers may be the bytes of pictures, and so have to be examined."""
    return values.ndim == 2 and values.dtype.kind in "ui" and values.dtype.itemsize == 1 and values.shape[1] >= WIDTH


def ragged(
    name: str, path: str, cells: Cells, rows: Sequence[int], profile: FamilyProfile | None, *, label: bool
) -> Iterator[Batch]:
    """Yield the numbers of the cells at `rows`; cells of equal length share batches as far as they are small."""
    expected = None if profile is None else profile.fields.get("data")
    alike: dict[int, list[int]] = {}
    for row in rows:
        alike.setdefault(np.size(cells.values[row]), []).append(row)
    for size, at in alike.items():
        step = max(1, STACKED_BYTES // max(1, size * 8))
        for start in range(0, len(at), step):
            chosen = at[start : start + step]
            values = (
                np.stack([cells.values[row] for row in chosen]) if len(chosen) > 1 else cells.values[chosen[0]][None]
            )
            if not values.dtype.isnative:
                values = values.astype(values.dtype.newbyteorder("="))
            yield Batch(name, chosen, real(values), label=label, expected=expected, leaf=True, path=path)


def unpadded(raw: bytes) -> bytes:
    r"""Return bytes without their trailing padding of zeros, but keep zeros that belong to the value.

    >>> unpadded(b"\xff\xd8\xff\xd9\0\0"), unpadded(b"RIFF\x06\0\0\0WAVE\0\0\0\0")
    (b'\xff\xd8\xff\xd9', b'RIFF\x06\x00\x00\x00WAVE\x00\x00')
    """
    end = raw.rstrip(b"\0")
    if len(end) == len(raw) or not end:
        return end
    sized = ENDS.get(end[:2])
    if sized is not None:
        stop = sized(raw)
        return raw[:stop] if stop is not None and len(end) <= stop <= len(raw) else end
    picture = sniff(raw)
    if picture == "TIFF":  # the end of a TIFF file cannot be determined
        return raw
    if picture is not None or end[0] <= ASCII or end[0] == PICKLED:
        return end
    return raw if kind(end) is None and kind(raw) is not None else end


def _riff_end(raw: bytes) -> int:
    size = int.from_bytes(raw[4:8], "little")
    return 8 + size + size % 2


def _bmp_end(raw: bytes) -> int:
    return int.from_bytes(raw[2:6], "little")


def _zip_end(raw: bytes) -> int | None:
    at = raw.rfind(b"PK\5\6")
    return None if at < 0 else at + 22 + int.from_bytes(raw[at + 20 : at + 22], "little")


ENDS: dict[bytes, Callable[[bytes], int | None]] = {
    b"RI": _riff_end,
    b"BM": _bmp_end,
    b"PK": _zip_end,
    b"\x93N": stored_size,
}
"""Functions that return where a value ends, by its first two bytes. The last bytes of these formats may be zeros."""
