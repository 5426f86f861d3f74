"""Check the run-length data (RLE8 and RLE4) of BMP files, in which decoders pass over damage.

Decoders cut off runs that go past the end of a row, and fill up a row that ends early. The formats are those of
Microsoft's BITMAPINFOHEADER.
"""

from __future__ import annotations

from dataclasses import dataclass

from datacheck.model.finding import Finding, found

RLE8, RLE4 = 1, 2
END_OF_ROW, END, MOVE = 0, 1, 2
SPARE = 3
"""Maximum number of bytes that may follow the end code: writers pad the data to a multiple of four."""
FILLED = 4
"""ImageMagick pads rows to a multiple of this number of pixels."""
FEW_ROWS = 16
"""Minimum height, in rows, for a single short row to be reported. In fewer rows it may just leave out background."""


@dataclass(slots=True)
class _Walked:
    """The result of walking the codes.

    `stop` is the number of bytes read, `short` the number of rows that were left before their end, and `first_short`
    the number of the first of them and the pixel that it reached. `moved` says whether pixels were skipped by a move,
    `ended` whether the end code was reached.
    """

    stop: int = 0
    short: int = 0
    first_short: tuple[int, int] = (0, 0)
    moved: bool = False
    ended: bool = False
    reason: str | None = None


def damage(value: bytes) -> Finding | None:
    """Return a finding if a BMP that decodes has run lengths that no writer has been seen to write, or None."""
    compression = int.from_bytes(value[30:34], "little")
    if int.from_bytes(value[14:18], "little") < 40 or compression not in (RLE8, RLE4):
        return None
    width, height = (abs(int.from_bytes(value[at : at + 4], "little", signed=True)) for at in (18, 22))
    start, stored = (int.from_bytes(value[at : at + 4], "little") for at in (10, 34))
    data = value[start : start + stored] if stored else value[start:]
    walked = _walk(data, width, height, 1 if compression == RLE8 else 2)
    reason = walked.reason
    if reason is None and walked.short == 1 and height >= FEW_ROWS and not walked.moved:
        row, reached = walked.first_short
        reason = f"row {row} from the bottom ends after {reached} of {width} pixels, all others are full"
    if reason is None and walked.ended and stored and len(data) - walked.stop > SPARE:
        reason = f"{len(data) - walked.stop} bytes follow the end of the pixels"
    return None if reason is None else found("corrupt-image", f"BMP: {reason}", field="data", verdict="suspicious")


def _walk(data: bytes, width: int, height: int, packed: int) -> _Walked:
    """Walk the codes up to the end code or the first impossible one; a byte holds `packed` pixels."""
    walked = _Walked()
    at = x = row = 0
    while at + 1 < len(data) and walked.reason is None:
        count, code = data[at], data[at + 1]
        at += 2
        if count == 0 and code == END:
            walked.ended = True
            break
        if count == 0 and code == MOVE and at + 1 < len(data):
            walked.moved = True
            x, row, at = x + data[at], row + data[at + 1], at + 2
            continue
        if count == 0 and code == END_OF_ROW:
            if x < width:
                walked.first_short = walked.first_short if walked.short else (row + 1, x)
                walked.short += 1
            x, row = 0, row + 1
            continue
        if count == 0:
            x += code
            at += -(-code // packed) + (-(-code // packed) & 1)
        else:
            x += count
        if row >= height:
            walked.reason = f"its codes make more than {height} rows"
        elif x > -(-width // FILLED) * FILLED:
            walked.reason = f"a run leads past the end of row {row + 1} from the bottom, to pixel {x} of {width}"
    walked.stop = at
    return walked
