"""Find the end of a TIFF: after the last byte that one of its directories points to."""

from __future__ import annotations

from datacheck.decoders.pictures import tiff

BLOCKS = ((tiff.OFFSETS, tiff.COUNTS), (tiff.TILE_OFFSETS, tiff.TILE_COUNTS), tiff.OLD_JPEG, tiff.FREE)
PRIVATE = frozenset({37500, 50740, 34118, 33628, 33629, 33630, 33631})
"""The private tags of makers of cameras and microscopes, which may point to anything."""
DESCRIPTION = 270
SERIES = (b"ImageJ=", b'"shape":')
"""Strings in the descriptions of image stacks.

One directory then stands for the data of many pages, which it does not count.
"""


def end(value: bytes) -> int | None:
    """Return the offset after the last byte of a TIFF, or None if there may be data that it does not mention."""
    layout = tiff.Layout(value)
    pending, seen, last = [layout.first], set[int](), layout.head
    while pending:
        at = pending.pop()
        if not at or at in seen:
            continue
        seen.add(at)
        directory = layout.directory(at)
        if directory is None or len(seen) > tiff.PAGES:
            return None
        if any(tag in PRIVATE or tag > 0xFFFF for tag in directory.places):
            return None
        start, stop = directory.places.get(DESCRIPTION, (0, 0))
        if any(word in value[start:stop] for word in SERIES):
            return None
        last = max(last, directory.stop, *(stop for _, stop in directory.places.values()))
        for offsets, counts in BLOCKS:
            blocks = zip(directory.numbers.get(offsets, ()), directory.numbers.get(counts, ()), strict=False)
            last = max(last, *(start + count for start, count in blocks), 0)
        pending += [directory.following, *(it for tag in tiff.CHILDREN for it in directory.numbers.get(tag, ()))]
    if not value[last:].strip(b"\0"):  # padding up to where the next page would begin, or to the end of a row of HDF5
        return len(value)
    return last
