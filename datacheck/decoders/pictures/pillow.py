"""Decode with Pillow what has no stricter decoder here: WebP, GIF, BMP, TIFF, PNG and rare kinds of JPEG."""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from datacheck.decoders.pictures.picture import DEFLATE, LIMIT, LZW, MOST_SHOWN, Picture, too_large
from datacheck.files.scratch import small_file
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found

PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
KINDS = {
    "1": "1-bit", "P": "palette", "PA": "palette", "I;16": "16-bit", "I;16B": "16-bit", "I;16L": "16-bit",
    "I;16N": "16-bit", "I": "32-bit", "F": "float", "CMYK": "CMYK", "LAB": "LAB", "YCbCr": "YCbCr",
}  # fmt: skip
"""The properties of a picture of this mode that matter to whoever decodes it."""
FRAMES = 1000
BITS, COMPRESSION, PHOTOMETRIC, SAMPLES = 258, 259, 262, 277
FAX, SUBSAMPLED = frozenset({2, 3, 4}), 6
EXPANDS = {1: 1, 5: LZW, 8: DEFLATE, 32946: DEFLATE, 32773: 64}
"""Maximum number of bytes that a stored byte makes, by the compression of a TIFF."""
STRIPS = ((273, 279), (324, 325))
"""The TIFF tags with the offsets of strips or tiles, and with their sizes."""
_LACKS = (
    "unsupported",
    "not available",
    "unknown",
    "not supported",
    "cannot handle",
    "can not handle",
    "not installed",
    "not configured",
)
"""Phrases by which Pillow says that it does not know a feature of a format."""

_CUTS = ("Tag data larger than file", "Tag offset too large", "Truncated File Read")
"""Warnings of Pillow that a part of a TIFF lies past its end; Pillow then goes on without that part."""


def read(value: bytes, name: str, frames: int | None = None) -> tuple[Picture | None, list[Finding]]:
    """Return the first frame, or all of a stack of floats, and the findings about any frame.

    Palettes and single bits become the colours they stand for. All frames are decoded, up to 1,000 and up to `LIMIT`
    bytes in total; `frames` is their number if it is known.
    """
    libtiff_lines: list[str] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with _strict() as caught, _libtiff_stderr(name, libtiff_lines):
            image = PLUGINS[name](io.BytesIO(value))
            problem = _large_finding(image, name, len(value)) or _strips_outside(image, len(value))
            if problem is not None:
                return None, [problem]
            image.load()
            count = frames or int(getattr(image, "n_frames", 1))
            first = _picture(image, name, count)
            later: list[NDArray[Any]] = []
            problem = _later_frames(image, name, count, len(value), later) or _warning_finding(caught, name)
    except MemoryError:
        raise  # the size of the picture was checked before: this process lacks memory
    except Exception as error:  # noqa: BLE001 - fed with damaged bytes, Pillow raises nearly anything, SyntaxError too
        return None, [_error_finding(error, name, len(value), libtiff_lines, caught)]
    if later:
        first = Picture(np.concatenate([first.pixels, *later]), first.format)
    return (first, []) if problem is None else (None, [problem])


def unpacked(parts: Sequence[bytes], size: int, compression: int) -> NDArray[np.uint8] | Finding:
    """Return the bytes that strips or tiles of a TIFF unpack to, `size` of each, as libtiff unpacks them.

    They are given to it as the rows of a picture of one byte a pixel; equal ones lie there once.
    """
    distinct = dict.fromkeys(parts)
    libtiff_lines: list[str] = []
    try:
        with _strict(), _libtiff_stderr("TIFF", libtiff_lines):
            head = _head_of_rows(parts, [*distinct], size, compression)
            return np.asarray(PLUGINS["TIFF"](io.BytesIO(b"".join([head, *distinct]))))
    except MemoryError:
        raise  # says nothing about the picture
    except Exception as error:  # noqa: BLE001 - fed with damaged bytes, Pillow raises nearly anything
        return _error_finding(error, "TIFF", sum(map(len, parts)), libtiff_lines, [])


def _head_of_rows(parts: Sequence[bytes], distinct: Sequence[bytes], size: int, compression: int) -> bytes:
    """Return the header and directory of a TIFF of rows of `size` bytes. Its `distinct` strips follow."""
    count, entries = len(parts), 10
    behind = 8 + 2 + 12 * entries + 4
    lists = 8 * count if count > 1 else 0
    starts = dict(zip(distinct, accumulate(map(len, distinct), initial=behind + lists), strict=False))
    numbers = (
        (256, size), (257, count), (258, 8), (259, compression), (262, 1), (273, behind),
        (277, 1), (278, 1), (279, behind + 4 * count if lists else len(parts[0])), (284, 1),
    )  # fmt: skip
    long = {273: count, 279: count}
    directory = b"".join(struct.pack("<2H2L", tag, 4, long.get(tag, 1), number) for tag, number in numbers)
    head = struct.pack("<2sHLH", b"II", 42, 8, entries) + directory + bytes(4)
    return head + (struct.pack(f"<{2 * count}L", *map(starts.__getitem__, parts), *map(len, parts)) if lists else b"")


def decodes(value: bytes, name: str) -> bool:
    """Check whether Pillow makes pixels of the first frame of a picture whose size was found to be within bounds."""
    try:
        with _strict():
            image = PLUGINS[name](io.BytesIO(value))
            image.load()
    except MemoryError:
        raise  # says nothing about the picture
    except Exception:  # noqa: BLE001 - fed with damaged bytes, Pillow raises nearly anything
        return False
    return True


def as_loaders_see(value: bytes, name: str) -> NDArray[Any] | None:
    """Return the pixels (channels, height, width) that Pillow makes of a picture that may be broken.

    Missing pixels are 0. None if it makes none, or if there would be too many.
    """
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        with _strict(), _libtiff_stderr(name, []):
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            image = PLUGINS[name](io.BytesIO(value))
            if image.width * image.height > MOST_SHOWN:
                return None
            return np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)
    except Exception:  # noqa: BLE001 - fed with damaged bytes, Pillow raises nearly anything; then there is no picture
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


@contextmanager
def _strict() -> Iterator[list[warnings.WarningMessage]]:
    """Make Pillow refuse pictures that end early, leave the check of their size to us, and collect its warnings."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = False, LIMIT
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _libtiff_stderr(name: str, libtiff_lines: list[str]) -> Iterator[None]:
    """Collect what libtiff writes to standard error.

    Only libtiff says what is wrong, and Pillow has no way to get at it.
    """
    try:
        stderr = os.dup(2) if name == "TIFF" else None
    except OSError:  # a daemon may have closed it
        stderr = None
    if stderr is None:
        yield
        return
    file = small_file()
    try:
        if file is not None:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        if file is not None:
            with file:
                libtiff_lines += os.pread(file.fileno(), 4096, 0).decode("utf-8", "replace").splitlines()


def _size(image: Image.Image) -> int:
    deep = 4 if image.mode in ("I", "F") else 2 if image.mode.startswith("I;16") else 1
    bands = 3 if image.mode == "P" else len(image.getbands())
    return prod(image.size) * bands * deep


def _large_finding(image: ImageFile.ImageFile, name: str, length: int) -> Finding | None:
    size = _size(image)
    if size <= LIMIT:
        return None
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return too_large(name, *image.size, size, length, prod(image.size) / LZW if name == "GIF" else None)
    tags = image.tag_v2
    stored = sum(sum(tags.get(sizes, ())) for _, sizes in STRIPS)
    return too_large(name, *image.size, size, min(stored, length), _min_pixel_bytes(tags, *image.size))


def _min_pixel_bytes(tags: TiffImagePlugin.ImageFileDirectory_v2, width: int, height: int) -> float | None:
    """Return the minimum number of bytes that the pixels of a TIFF take, or None if its compression does not tell."""
    compression = tags.get(COMPRESSION, 1)
    if compression in FAX:  # a row that is like the one above takes a bit
        return height / 8
    if compression not in EXPANDS or tags.get(PHOTOMETRIC) == SUBSAMPLED:
        return None
    bits = tags.get(BITS, (1,))
    return width * height * int(tags.get(SAMPLES, 1)) * int(bits[0]) / 8 / EXPANDS[compression]


def _strips_outside(image: ImageFile.ImageFile, length: int) -> Finding | None:
    """Return a finding if strips or tiles of a TIFF lie past the end of the file, or None.

    The decoder fills them with zeros.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return None
    for offsets, sizes in STRIPS:
        places = zip(image.tag_v2.get(offsets, ()), image.tag_v2.get(sizes, ()), strict=False)
        end = max((offset + size for offset, size in places), default=0)
        if end > length:
            message = f"the TIFF ends at byte {length}, its pixels take up to byte {end}"
            return found("truncated", message, field="data", size=length)
    return None


def _picture(image: Image.Image, name: str, count: int) -> Picture:
    kind = KINDS.get(image.mode, "")
    if count > 1:
        kind = "of several pages" if name == "TIFF" else "animated"
    elif name == "GIF":
        kind = ""
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    pixels = np.asarray(image)
    pixels = pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return Picture(pixels, f"{name} {kind}".rstrip())


def _later_frames(
    image: ImageFile.ImageFile, name: str, count: int, length: int, floats: list[NDArray[Any]]
) -> Finding | None:
    """Decode the frames after the first, within bounds; return the first finding about them, or None.

    Frames of floats are put into `floats` if they are as large as the first, since any of them may be NaN.
    """
    remaining = LIMIT
    mode, size = image.mode, image.size
    for number in range(1, min(count, FRAMES)):
        try:
            image.seek(number)
        except EOFError:
            return found(
                "truncated", f"the {name} ends before frame {number} of {count}", field="data", frame=number
            )  # fmt: skip
        problem = _large_finding(image, name, length) or _strips_outside(image, length)
        remaining -= _size(image)
        if problem is not None or remaining < 0:
            return problem
        image.load()
        if mode == "F" == image.mode and image.size == size:
            floats.append(np.asarray(image)[np.newaxis])
    return None


def _warning_finding(caught: list[warnings.WarningMessage], name: str) -> Finding | None:
    """Return the finding of the first warning that is about pixels, or None; warnings about metadata are ignored."""
    for warning in caught:
        message = str(warning.message)
        if "Invalid APNG" in message:
            return found("corrupt-image", f"{name}: {message}", field="data")
    return None


def _error_finding(
    error: Exception, name: str, length: int, libtiff_lines: list[str], caught: list[warnings.WarningMessage]
) -> Finding:
    """Return the finding for an error of Pillow: whether the file is cut, broken, too large, or unknown to Pillow."""
    reason = f"no tag {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
    if libtiff_lines:
        reason = f"{reason}: {libtiff_lines[0].removeprefix('tempfile.tif: ').rstrip('.')}"
    if isinstance(error, Image.DecompressionBombError):
        # Pillow raises this for more than 2 * LIMIT pixels; of the formats that come here, only GIF is packed.
        contradicted = name == "GIF" and length < 2 * LIMIT / LZW
        verdict: Verdict = "bad" if contradicted else "unverifiable"
        return found("too-large", f"{name}: {reason}", field="data", verdict=verdict)
    cut = [str(warning.message) for warning in caught if str(warning.message).startswith(_CUTS)]
    if name == "TIFF" and (cut or isinstance(error, (EOFError, struct.error)) or "truncated" in reason.lower()):
        return found("truncated", f"the TIFF ends early: {cut[0] if cut else reason}", field="data")
    if any(lack in reason.lower() for lack in _LACKS):
        return found("unknown-payload", f"a {name} that Pillow does not decode: {reason}", field="data")
    return found("corrupt-image", f"{name}: {reason}", field="data")
