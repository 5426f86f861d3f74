"""Walk wav, FLAC and Ogg files from their first byte to their last.

Sources: the RIFF and EBU Tech 3306 (RF64) specifications, RFC 9639 (FLAC), RFC 3533 (Ogg).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from datacheck.decoders.media.crc import Crc, crc32_from_the_top
from datacheck.model.finding import Finding, found

Value = bytes | memoryview
UNKNOWN_SIZE = 0xFFFFFFFF
"""Size written to pipes, where the real one is not known yet; some writers use 0 instead."""
FLOATS, EXTENSIBLE = 3, 0xFFFE
PCM = (1, FLOATS)
"""Format codes of wav files whose samples all take the same number of bytes."""
FLAC_FRAME, FLAC_HEADER = Crc(0x8005, 16), Crc(0x07, 8)
STREAMINFO = 34
OGG_HEADER = 27
BEGINS, ENDS = 2, 4
STREAMS = 64
SYNC = re.compile(rb"\xff[\xf8\xf9][^\x00-\x0f]", re.DOTALL)
"""Matches the beginning of a FLAC frame's header."""
ID3 = 128
"""Size in bytes of an old ID3 tag, which may follow the last frame."""
TRIES = 64
"""Maximum number of apparent frame beginnings that are tried as the end of a frame, since they may be accidental."""


def is_wav(value: Value) -> bool:
    return bytes(value[:4]) in (b"RIFF", b"RF64") and bytes(value[8:12]) == b"WAVE"


def is_flac(value: Value) -> bool:
    return bytes(value[:4]) == b"fLaC" and (len(value) < 5 or not value[4] & 0x7F)


def is_ogg(value: Value) -> bool:
    return bytes(value[:5]) == b"OggS\0"


def truncated_file(format_name: str, value: Value, where: str) -> Finding:
    return found("truncated", f"the {format_name} file ends at byte {len(value)}, {where}", size=len(value))


def trailing_data(format_name: str, value: Value, end: int) -> Finding:
    rest = len(value) - end
    return found("trailing-data", f"{rest} bytes after the end of the {format_name} file", offset=end, size=rest)


def walk_wav(value: Value) -> list[Finding]:
    """Walk the chunks of a wav file: they are complete, and there are a format and samples in whole frames."""
    if not is_wav(value):
        return [found("undecodable", f"not a wav file: it begins with {bytes(value[:12]).hex(' ')}")]
    size, wide = int.from_bytes(value[4:8], "little"), None
    if value[:4] == b"RF64" and value[12:16] == b"ds64":  # sizes beyond 32 bits
        size, wide = (int.from_bytes(value[it : it + 8], "little") for it in (20, 28))
    open_ended = size in (0, UNKNOWN_SIZE)
    end = len(value) if open_ended else 8 + size
    findings = []
    if len(value) > end + (end & 1):
        findings.append(trailing_data("wav", value, end))
    block = samples = None
    numbers: Value = b""
    float_size = 0
    for name, at, length in _chunks(value, end, open_ended, wide):
        if at + length > len(value):
            return [truncated_file("wav", value, f"inside the chunk {_chunk_name(name)} of {length} bytes")]
        if name == b"fmt " and length >= 16:
            kind = int.from_bytes(value[at : at + 2], "little")
            if kind == EXTENSIBLE and length >= 26:  # the real code begins the subformat
                kind = int.from_bytes(value[at + 24 : at + 26], "little")
            block = int.from_bytes(value[at + 12 : at + 14], "little") if kind in PCM else 0
            float_size = int.from_bytes(value[at + 14 : at + 16], "little") // 8 if kind == FLOATS else 0
        elif name == b"data":
            samples = length
            numbers = value[at : at + length]
    if not open_ended and end > len(value):
        return [truncated_file("wav", value, f"{end} bytes are declared")]
    sample_findings = _sample_findings(samples, block) or _float_findings(numbers, float_size)
    return sample_findings if any(it.verdict == "bad" for it in sample_findings) else findings + sample_findings


def _sample_findings(samples: int | None, block: int | None) -> list[Finding]:
    """Return the findings for `samples` bytes in frames of `block` bytes (0: any), or None if the chunk is missing."""
    if samples is None:
        return [found("undecodable", "a wav file without a data chunk")]
    if block is None:
        return [found("undecodable", "a wav file without a format chunk")]
    if not samples:
        return [found("empty", "a wav file without samples")]
    if block and samples % block:
        message = f"{samples} bytes of samples, which are not a whole number of frames of {block}"
        return [found("size-mismatch", message, verdict="suspicious", found=samples)]
    return []


def _float_findings(samples: Value, size: int) -> list[Finding]:
    """Return the findings about floating-point samples of `size` bytes that are NaN or infinite."""
    import numpy as np  # here, so that looking up a decoder's name does not load it

    if size not in (4, 8):
        return []
    values = np.frombuffer(samples, f"<f{size}", len(samples) // size)
    if np.isfinite(values).all():
        return []
    findings = []
    for code, word, wrong in (("nan", "NaN", np.isnan(values)), ("inf", "infinite", np.isinf(values))):
        if count := int(wrong.sum()):
            first = int(wrong.argmax())
            verb = "is" if count == 1 else "are"
            message = f"{count} of {values.size} samples {verb} {word}, first at {first}"
            findings.append(found(code, message, count=count, first=[first]))
    return findings


def _chunks(value: Value, end: int, open_ended: bool, wide: int | None) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, content offset and length of each chunk of a wav file; the length may reach beyond the file."""
    at = 12
    while at + 8 <= min(end, len(value)):
        name, length = bytes(value[at : at + 4]), int.from_bytes(value[at + 4 : at + 8], "little")
        at += 8
        if length == UNKNOWN_SIZE and name == b"data" and (open_ended or wide is not None):
            length = len(value) - at if wide is None else wide
        yield name, at, length
        at += length + (length & 1)


def _chunk_name(name: bytes) -> str:
    return f'"{name.decode("latin-1")}"'


def walk_flac(value: Value) -> list[Finding]:
    """Walk the metadata and frames of a FLAC file; checks both checksums of each frame and the number of samples."""
    if not is_flac(value):
        return [found("undecodable", f"not a FLAC file: it begins with {bytes(value[:5]).hex(' ')}")]
    at, last = 4, False
    samples = 0
    while not last:
        if at + 4 > len(value):
            return [truncated_file("FLAC", value, "inside its metadata")]
        last, kind, size = bool(value[at] & 0x80), value[at] & 0x7F, int.from_bytes(value[at + 1 : at + 4], "big")
        if at == 4 and size != STREAMINFO:
            return [found("undecodable", f"a FLAC file with a STREAMINFO of {size} bytes")]
        if kind == 127:
            return [found("undecodable", f"a block of a forbidden kind in the FLAC metadata at byte {at}")]
        at += 4
        if at + size > len(value):
            return [truncated_file("FLAC", value, "inside its metadata")]
        if at == 8:
            samples = int.from_bytes(value[at + 13 : at + 18], "big") & (1 << 36) - 1
        at += size
    return _flac_frames(value, at, samples)


def _flac_frames(value: Value, at: int, samples: int) -> list[Finding]:
    """Check one frame after the other; a frame ends where the next one begins and its checksum matches."""
    raw = bytes(value)
    samples_passed = 0
    if at == len(raw):
        return (
            [truncated_file("FLAC", value, "before its first frame")]
            if samples
            else [found("empty", "a FLAC file without frames")]
        )
    while at < len(raw):
        block = _flac_block(raw, at)
        if block is None:
            if samples_passed and samples and samples_passed >= samples:
                return [trailing_data("FLAC", value, at)]
            return [found("undecodable", f"no FLAC frame where one must begin, at byte {at}", offset=at)]
        end = _flac_end(raw, at)
        if end is None and raw[-ID3:].startswith(b"TAG") and not FLAC_FRAME.checksum(memoryview(raw)[at:-ID3]):
            end = len(raw) - ID3
        if end is None:
            if samples and samples_passed + block >= samples:
                return [found("checksum", f"the last FLAC frame, at byte {at}: its CRC-16 does not match", offset=at)]
            if _next_frame(raw, at + 2) < len(raw):
                return [found("checksum", f"the FLAC frame at byte {at}: its CRC-16 does not match", offset=at)]
            return [truncated_file("FLAC", value, f"inside the frame at byte {at}")]
        samples_passed, at = samples_passed + block, end
    if samples and samples_passed < samples:
        return [truncated_file("FLAC", value, f"with {samples_passed} of {samples} samples")]
    return []


def _flac_end(raw: bytes, at: int) -> int | None:
    """Return the end of a frame (the next frame or the end of the file) at which its checksum matches, or None."""
    end = at + 2
    for _ in range(TRIES):
        end = _next_frame(raw, end)
        if not FLAC_FRAME.checksum(memoryview(raw)[at:end]):
            return end
        if end >= len(raw):
            return None
        end += 1
    return None


def _next_frame(raw: bytes, at: int) -> int:
    """Return the offset of the next frame with a sound header, or the length of the file if there is none."""
    while True:
        place = SYNC.search(raw, at)
        if place is None:
            return len(raw)
        at = place.start()
        if _flac_block(raw, at) is not None:
            return at
        at += 1


def _flac_block(raw: bytes, at: int) -> int | None:
    """Return the number of samples of the frame whose header is at an offset, or None if there is no sound header."""
    head = raw[at : at + 16]
    if (
        len(head) < 6
        or head[0] != 0xFF
        or head[1] & 0xFE != 0xF8
        or head[3] & 1
        or head[2] >> 4 == 0
        or head[2] & 15 == 15
    ):
        return None
    number = 1 if head[4] < 0x80 else 8 - (head[4] ^ 0xFF).bit_length()
    size, rate = head[2] >> 4, head[2] & 15
    end = 4 + number
    block = {1: 192, **{it: 144 << it for it in range(2, 6)}, **{it: 1 << it for it in range(8, 16)}}.get(size, 0)
    if size in (6, 7):
        block = int.from_bytes(head[end : end + size - 5], "big") + 1
        end += size - 5
    end += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if end >= len(head) or FLAC_HEADER.checksum(head[:end]) != head[end]:
        return None
    return block


def walk_ogg(value: Value) -> list[Finding]:
    """Walk the pages of an Ogg file; checks their CRC-32 and numbers, and that each stream ends."""
    if not is_ogg(value):
        return [found("undecodable", f"not an Ogg file: it begins with {bytes(value[:5]).hex(' ')}")]
    numbers: dict[bytes, int] = {}
    open_: set[bytes] = set()
    at = 0
    for start, end in _pages(value):
        if end > len(value):
            return [truncated_file("Ogg", value, f"inside the page at byte {start}")]
        finding = _page(value, start, end, numbers, open_)
        if finding is not None:
            return [finding]
        at = end
    if at < len(value):
        short = len(value) - at < OGG_HEADER and b"OggS\0"[: len(value) - at] == bytes(value[at : at + 5])
        if short:
            return [truncated_file("Ogg", value, "inside a page's header")]
        return [
            found("undecodable", f"no Ogg page where one must begin, at byte {at}")
            if open_
            else trailing_data("Ogg", value, at)
        ]
    if open_:
        return [truncated_file("Ogg", value, f"and {len(open_)} of {len(numbers)} streams have no last page")]
    return []


def _pages(value: Value) -> Iterator[tuple[int, int]]:
    """Yield the offsets where pages begin and end; the last end may be beyond the file."""
    at = 0
    while bytes(value[at : at + 5]) == b"OggS\0":
        if at + OGG_HEADER > len(value):
            return
        count = value[at + 26]
        table = value[at + OGG_HEADER : at + OGG_HEADER + count]
        end = at + OGG_HEADER + count + (sum(table) if len(table) == count else 1)
        yield at, end
        at = end


def _page(value: Value, at: int, end: int, numbers: dict[bytes, int], open_: set[bytes]) -> Finding | None:
    page = bytes(value[at:end])
    stored = int.from_bytes(page[22:26], "little")
    actual = crc32_from_the_top(page[:22] + bytes(4) + page[26:])
    if stored != actual:
        message = f"the Ogg page at byte {at}: its CRC-32 is {actual:08x}, expected {stored:08x}"
        return found("checksum", message, offset=at)
    flags, stream, number = page[5], page[14:18], int.from_bytes(page[18:22], "little")
    expected = numbers.get(stream)
    if expected is not None and number != expected + 1:
        message = f"the Ogg page at byte {at} is number {number} of its stream, expected {expected + 1}"
        return found("undecodable", message, offset=at, found=number, expected=expected + 1)
    if expected is None and (not flags & BEGINS or len(numbers) >= STREAMS):
        return found("undecodable", f"the Ogg page at byte {at} is of a stream that did not begin", offset=at)
    numbers[stream] = number
    (open_.discard if flags & ENDS else open_.add)(stream)
    return None
