"""Write what a record holds to a file, in the format of the file's suffix, or each of several to a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from datacheck.decoders.pictures.picture import sniff
from datacheck.errors import UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.escaping import plain
from datacheck.reporting.summary import amount
from datacheck.showing.describing import RecordContent

PICTURES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WebP",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""The suffixes of pictures, and the format of a file with each."""
SUFFIX_OF_FORMAT = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"}
LONGEST = 120
"""Maximum number of characters of a file name that is made from a key."""


def write(content: RecordContent, output: Output) -> str:
    """Write a picture, an array as .npy, or bytes or a text as they are stored; return the line that says so.

    A picture of another format, a raw one, or a row that is one, becomes PNG if the suffix is .png. Raises UsageError
    if the record does not hold what the suffix says.
    """
    path = output.path
    suffix = path.suffix.lower()
    owner = "the record" if content.named is None else f"the field {plain(content.named)}"
    stored = None if content.raw is None else sniff(content.raw)
    if suffix == ".npy":
        return _save_array(content, output, owner)
    if suffix == ".png" and stored != "PNG" and content.array is not None:
        return _save_png(content, output, owner)
    if content.raw is None:
        if content.array is None:
            raise UsageError(f"{path}: {owner} holds nothing that could be saved")
        from datacheck.showing.pixels import is_picture

        suffixes = ".png or .npy" if is_picture(content.array) else ".npy"
        raise UsageError(f"{path}: {owner} holds an array; name a file that ends in {suffixes}")
    if suffix in PICTURES and PICTURES[suffix] != stored:
        if stored is None:
            raise UsageError(f"{path}: {owner} holds no picture; name a file that does not end in {path.suffix}")
        others = " or ".join(dict.fromkeys([SUFFIX_OF_FORMAT[stored], ".png"]))
        raise UsageError(f"{path}: {owner} holds a picture in {stored}; name a file that ends in {others}")
    with writing(path):
        output.file.write(content.raw)
    output.publish()
    return f"  saved the {amount(len(content.raw))} as stored: {plain(str(path))}"


def _save_array(content: RecordContent, output: Output, owner: str) -> str:
    import numpy as np

    if content.array is None:
        what = (
            "nothing that could be saved" if content.raw is None else "no array; name a file that does not end in .npy"
        )
        raise UsageError(f"{output.path}: {owner} holds {what}")
    with writing(output.path):
        np.save(output.file, content.array, allow_pickle=False)
    output.publish()
    return f"  saved the array: {plain(str(output.path))}"


def _save_png(content: RecordContent, output: Output, owner: str) -> str:
    from datacheck.reporting.png import png
    from datacheck.showing.pixels import as_pixels

    assert content.array is not None
    pixels = as_pixels(content.array)
    if pixels is None:
        shape = "x".join(map(str, content.array.shape))
        raise UsageError(
            f"{output.path}: {owner} holds an array of {shape}, which is not a picture; name a file that ends in .npy"
        )
    with writing(output.path):
        output.file.write(png(pixels))
    output.publish()
    how = "" if content.array.dtype.str == "|u1" else f", {content.array.dtype} scaled to bytes"
    how += ", channels in the order in which they are stored" if content.raw is None and pixels.shape[2] > 1 else ""
    return f"  saved the picture, {pixels.shape[1]} x {pixels.shape[0]}{how}: {plain(str(output.path))}"


@dataclass(frozen=True)
class Saved:
    """What was written of a record: the line that says so, and the path; None if there was nothing to write."""

    line: str
    path: str | None = None


class Folder:
    """A folder that takes a file for each record: pictures as they are stored or as PNG, arrays as .npy."""

    def __init__(self, path: Path, guard: Guard) -> None:
        """Make the folder if necessary. Raises UsageError if it is in a source, ReportFailed if it cannot be made."""
        self._path, self._guard = path, guard
        self._names: set[str] = set()
        guard.refuse_spelled(path)
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path}: is a file, and several records are saved into a folder; name a folder")
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)

    def write(self, key: str, content: RecordContent) -> Saved:
        """Write what a record holds, if there is something to save."""
        suffix = suffix_of(content)
        if suffix is None:
            return Saved("  nothing that could be saved")
        with Output(self._path / self._new_name(key, suffix), self._guard) as output:
            return Saved(write(content, output), str(output.path))

    def _new_name(self, key: str, suffix: str) -> str:
        """Return a new name for a record's file: its key without the characters that do not belong in file names."""
        name = re.sub(r"[^A-Za-z0-9._+=@,-]+", "_", key).strip("._")[:LONGEST] or "record"
        name = name.removesuffix(suffix)
        number = 1
        while (candidate := f"{name}{'' if number == 1 else f'-{number}'}{suffix}").lower() in self._names:
            number += 1
        self._names.add(candidate.lower())
        return candidate


def suffix_of(content: RecordContent) -> str | None:
    """Return the suffix of the file that suits a record best, or None if there is nothing to write."""
    stored = None if content.raw is None else sniff(content.raw)
    if stored is not None:
        return SUFFIX_OF_FORMAT[stored]
    if content.array is not None:
        from datacheck.showing.pixels import is_picture

        return ".png" if is_picture(content.array) else ".npy"
    return None if content.raw is None else ".bin"
