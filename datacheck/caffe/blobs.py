"""Read the BlobProto of a `.binaryproto` (a mean file or an infogain matrix) as an array."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.caffe.messages import MalformedMessage, parse_binary
from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable
from datacheck.files.regular import NotRegular, TooLarge, read_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 256 << 20
MAX_AXES = 32
"""Maximum number of axes of a blob in Caffe (blob.hpp)."""
LEGACY = ("num", "channels", "height", "width")


def read_blob(path: str | Path) -> NDArray[Any]:
    """Return the blob's values in its shape, as float32, or as float64 if it has `double_data`.

    If any of the legacy fields num, channels, height and width is set, they are the shape, and unset ones count as 0,
    as in Caffe (blob.cpp). A blob without a shape has one value. Raises SourceMissing, SourceUnreadable, or
    SourceUnknown if the file is not a BlobProto or the number of values does not match the shape.
    """
    blob = _read_message(Path(path))
    return blob_values(blob, str(path))


def blob_values(blob: Any, path: str) -> NDArray[Any]:
    """Return the values of a BlobProto message in its shape; see `read_blob`."""
    import numpy as np

    legacy = any(blob.HasField(name) for name in LEGACY)
    shape = tuple(getattr(blob, name) for name in LEGACY) if legacy else tuple(blob.shape.dim)
    if len(shape) > MAX_AXES or any(size < 0 for size in shape):
        raise SourceUnknown(path, f"has the shape {_shape_text(shape)}, which no blob can have")
    data, dtype = (blob.double_data, np.float64) if len(blob.double_data) else (blob.data, np.float32)
    count = math.prod(shape)
    if count != len(data):
        raise SourceUnknown(path, f"holds {len(data)} values, but its shape {_shape_text(shape)} has {count}")
    return np.fromiter(data, dtype, count).reshape(shape)


def _shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "of no axes"


def _read_message(path: Path) -> Any:
    try:
        if not path.exists():
            raise SourceMissing(str(path))
        if path.is_dir():
            raise SourceUnknown(str(path), "is a directory, not a binaryproto")
        data = read_whole(path, MAX_BYTES)
    except NotRegular as exc:
        raise SourceUnknown(str(path), exc.clause) from exc
    except TooLarge as exc:
        text = f"has more than {MAX_BYTES >> 20} MiB, which no binaryproto here has"
        raise SourceUnknown(str(path), text) from exc
    except OSError as exc:
        raise SourceUnreadable(str(path), f"may not be read: {exc.strerror}") from exc
    if not data:
        raise SourceUnknown(str(path), "is an empty file")
    try:
        return parse_binary("BlobProto", data)
    except MalformedMessage as exc:
        raise SourceUnknown(str(path), f"is not a BlobProto: {exc.reason}") from exc
