"""Describe a dataset from its header alone, if the library has opened another one with the same header.

A file of many episodes has thousands of datasets of a few kinds. Their headers (version 1, in one piece, without an
attribute) have the same bytes except for the extents, the offset of the values and a time. Reading these few fields
here is faster than having the library open every dataset.

HDF5 File Format Specification 3.0, IV.A.1.a (headers), IV.A.2.b (dataspace), .i (layout), .r (modification time).
"""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.recovery.headers import DATASPACE, LAYOUT

KINDS = 4096
"""Maximum number of kinds of headers that are remembered."""
FORMS = 8
"""Maximum number of message layouts that are remembered; a dataset that matches none is compared with each."""
LARGEST = 1 << 30
"""Maximum size of the values in bytes; larger datasets are opened by the library and checked before they are read."""
TIME = 0x12
SHARED = 2
"""Flag of a message that is stored elsewhere in the file, so that equal bytes do not mean equal messages."""
CONTIGUOUS = b"\x03\x01"
"""First bytes of a layout message of version 3 for contiguous values."""
HEAD = 16
_MESSAGE = struct.Struct("<HHB")
_PLACE = struct.Struct("<QQ")


class Form(NamedTuple):
    """The offsets at which headers of one kind differ: those of the extents, of the values' address and of the time."""

    size: int
    extents: int
    rank: int
    bounded: bool
    """Whether the extents are followed by the maximum extents."""
    place: int
    time: int

    def kind(self, header: bytes) -> bytes:
        """Return the bytes of a header that are the same in all headers of its kind."""
        cuts = [(self.extents, 8 * self.rank * (1 + self.bounded)), (self.place, _PLACE.size)]
        cuts += [(self.time, 4)] if self.time else []
        parts, at = [], 0
        for start, size in sorted(cuts):
            parts.append(header[at:start])
            at = start + size
        return b"".join([*parts, header[at : self.size]])


class AlikeHeaders:
    """The kinds of headers that the library has opened, in one file or in several."""

    def __init__(self) -> None:
        self._forms: dict[Form, dict[bytes, np.dtype[Any]]] = {}
        self._kinds = 0

    def learn(self, header: bytes, dataset: Dataset) -> None:
        """Remember the header that begins with these bytes, if it describes the dataset completely."""
        form = _form_of(header)
        if form is None or self._kinds == KINDS:
            return
        shape, placed = _shape_and_offset(form, header)
        if dataset != Dataset(dataset.path, shape, dataset.dtype, placed=placed):
            return
        if form in self._forms or len(self._forms) < FORMS:
            self._forms.setdefault(form, {})[form.kind(header)] = dataset.dtype
            self._kinds += 1

    def dataset(self, path: bytes, header: bytes, end: int) -> Dataset | None:
        """Return the dataset whose header begins with these bytes, or None if the library has to open it.

        The values of a dataset that is returned lie before `end`, the end of the file.
        """
        for form, kinds in self._forms.items():
            dtype = kinds.get(form.kind(header))
            if dtype is None:
                continue
            shape, placed = _shape_and_offset(form, header)
            size = math.prod(shape) * dtype.itemsize
            stored = int.from_bytes(header[form.place + 8 : form.place + 16], "little")
            if shape and placed and 0 < size == stored <= LARGEST and placed + size <= end:
                return Dataset(path, shape, dtype, placed=placed)
        return None


def place_of(h5: Any, opened: Any, created: Any, stored: Any, end: int) -> int | None:
    """Return the offset of an open dataset's values, or None unless contiguous and `stored` as NumPy holds them."""
    dtype = stored.dtype
    size = dtype.itemsize * math.prod(opened.shape)
    if not size or dtype.hasobject or dtype.subdtype or created.get_layout() != h5.h5d.CONTIGUOUS:
        return None
    offset = None if created.get_external_count() else opened.get_offset()
    if offset is None or offset + size > end or opened.get_storage_size() != size:
        return None
    at: int = offset
    return at if stored == h5.h5t.py_create(dtype) else None


def _shape_and_offset(form: Form, header: bytes) -> tuple[tuple[int, ...], int]:
    """Return the shape in a header of this form (empty if the dataset may grow) and the offset of the values."""
    shape = struct.unpack_from(f"<{form.rank}Q", header, form.extents)
    max_shape = struct.unpack_from(f"<{form.rank}Q", header, form.extents + 8 * form.rank) if form.bounded else shape
    return shape if shape == max_shape else (), int.from_bytes(header[form.place : form.place + 8], "little")


def _form_of(header: bytes) -> Form | None:
    """Return the form of a header of version 1, or None if the header cannot be used to recognise others."""
    if len(header) < HEAD or header[:2] != b"\x01\0":
        return None
    end = HEAD + int.from_bytes(header[8:12], "little")
    extents = rank = place = time = 0
    bounded = False
    at = HEAD
    while at + 8 <= end <= len(header):
        kind, size, flags = _MESSAGE.unpack_from(header, at)
        at += 8
        if flags & SHARED:
            return None
        message = header[at : at + size]
        if (kind == DATASPACE and extents) or (kind == LAYOUT and place) or (kind == TIME and time):
            return None
        if kind == DATASPACE and message[:1] == b"\x01" and message[2] in (0, 1):
            extents, rank, bounded = at + 8, message[1], bool(message[2])
            if size < 8 + 8 * rank * (1 + bounded):
                return None
        elif kind == LAYOUT and message[:2] == CONTIGUOUS and size >= 2 + _PLACE.size:
            place = at + 2
        elif kind == TIME and size == 8:
            time = at + 4
        at += size
    return Form(end, extents, rank, bounded, place, time) if at == end and rank and place else None
