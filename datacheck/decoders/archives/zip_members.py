"""Read the members of a zip archive in memory, within limits, and verify their CRC-32 and sizes.

Source: PKWARE's APPNOTE 6.3.10. Readers rely on the directory at the end, so that is what is walked; each local header
must agree with it. Anything that two readers could interpret differently, such as overlapping members and duplicate
names, is a finding.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from datacheck.model.finding import Finding, found

Value = bytes | memoryview

MAGIC = b"PK\x03\x04"
END, END64, LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
ENTRY, LOCAL = b"PK\x01\x02", MAGIC
EMPTY = END
COMMENT = 1 << 16
"""Maximum length of the comment after the end record, in bytes; it limits the search for that record."""
MEMBERS = 1 << 16
UNPACKED = 1 << 28
"""Maximum total unpacked size of an archive's deflated members, in bytes."""
STORED, DEFLATED = 0, 8
ENCRYPTED, DESCRIPTOR, UTF8 = 1, 8, 1 << 11
SHORT = 256
"""Longest raw name that is cached, in bytes."""
WIDE, WIDE16 = 0xFFFFFFFF, 0xFFFF
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive: its unpacked content, or a finding about it."""

    name: str
    data: Value = b""
    finding: Finding | None = None


class BrokenZip(Exception):
    """The archive as a whole cannot be read, for the reason in the finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Entry:
    """A member's entry in the directory."""

    name: str
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    at: int


@dataclass(frozen=True, slots=True)
class Archive:
    """The entries of an archive in directory order, the directory's offset, and findings about the archive."""

    entries: tuple[Entry, ...]
    directory: int
    findings: tuple[Finding, ...] = ()


def is_zip(value: Value) -> bool:
    return bytes(value[:4]) == MAGIC


def first_name(value: Value) -> str:
    """Return the name of the first member from its local header, which exists even if the archive is cut."""
    size = int.from_bytes(value[26:28], "little")
    return bytes(value[30 : 30 + size]).decode("latin-1")


def open_zip(value: Value) -> Archive:
    """Return the entries of an archive; raises BrokenZip if it cannot be read."""
    if bytes(value[:4]) not in (MAGIC, EMPTY):
        raise BrokenZip(found("undecodable", f"not a zip archive: it begins with {bytes(value[:4]).hex(' ')}"))
    at = _end(value)
    _, disk, first, count_on_disk, count, size, start, comment = _END.unpack_from(value, at)
    end = at
    if at >= _LOCATOR.size and bytes(value[at - _LOCATOR.size :][:4]) == LOCATOR:
        end, count, size, start = _wide_end(value, at - _LOCATOR.size)
    elif disk or first or count_on_disk != count:
        raise _broken_zip("it is one part of several")
    if start + size != end:
        raise _broken_zip(f"its directory is said to lie at {start} to {start + size}, and ends at {end}")
    archive_end = at + _END.size + comment
    findings = []
    if archive_end < len(value):
        rest = len(value) - archive_end
        findings.append(
            found("trailing-data", f"{rest} bytes after the end of the archive", offset=archive_end, size=rest)
        )
    if count > MEMBERS:
        raise BrokenZip(found("too-large", f"an archive of {count} members", verdict="unverifiable", found=count))
    return Archive(tuple(_entries(value, start, end, count)), start, tuple(findings))


def members(value: Value, archive: Archive) -> Iterator[Member]:
    """Yield the members of an archive, unpacked, in the order of their offsets."""
    names: set[str] = set()
    end = 0
    remaining = UNPACKED
    for entry in sorted(archive.entries, key=lambda it: it.at):
        if entry.name in names:
            yield Member(entry.name, finding=_member_finding(entry, "undecodable", "is there twice"))
            continue
        names.add(entry.name)
        try:
            start, stop = _span(value, entry, archive.directory)
        except BrokenZip as broken:
            yield Member(entry.name, finding=broken.finding)
            continue
        if entry.at < end:
            yield Member(entry.name, finding=_member_finding(entry, "undecodable", "overlaps the one before it"))
            continue
        end = stop
        member = _unpacked(entry, value[start:stop], remaining)
        remaining -= len(member.data) if entry.method == DEFLATED else 0
        yield member


def _end(value: Value) -> int:
    """Return the offset of the end record; raises BrokenZip if it is missing or cut, as in a truncated archive."""
    tail = bytes(value[-COMMENT - _END.size :])
    before = len(value) - len(tail)
    at = tail.rfind(END)
    while at >= 0 and at + _END.size > len(tail):
        at = tail.rfind(END, 0, at)
    if at < 0:
        raise BrokenZip(found("truncated", f"the zip archive ends at byte {len(value)}, before its directory"))
    comment = _END.unpack_from(tail, at)[7]
    if at + _END.size + comment > len(tail):
        raise BrokenZip(found("truncated", f"the zip archive ends at byte {len(value)}, inside its end record"))
    return before + at


def _wide_end(value: Value, locator: int) -> tuple[int, int, int, int]:
    """Return the directory's end offset, count, size and start from the zip64 end record."""
    _, disk, at, disks = _LOCATOR.unpack_from(value, locator)
    if disk or disks > 1 or at + _END64.size > locator or bytes(value[at : at + 4]) != END64:
        raise _broken_zip("its zip64 end record is not where it is said to be")
    wide = _END64.unpack_from(value, at)
    if wide[1] + 12 + at != locator or wide[6] != wide[7]:
        raise _broken_zip("its zip64 end record is not as long as it should be")
    return at, wide[7], wide[8], wide[9]


def _entries(value: Value, at: int, end: int, count: int) -> Iterator[Entry]:
    for number in range(count):
        if at + _ENTRY.size > end or bytes(value[at : at + 4]) != ENTRY:
            raise _broken_zip(f"entry {number + 1} of {count} in its directory is not there")
        (_, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, comment, disk, _, _, start) = (
            _ENTRY.unpack_from(value, at)
        )
        name_start = at + _ENTRY.size
        name = _name(bytes(value[name_start : name_start + name_size]), flags)
        extra = bytes(value[name_start + name_size : name_start + name_size + extra_size])
        at = name_start + name_size + extra_size + comment
        if at > end:
            raise _broken_zip(f"entry {number + 1} of its directory runs beyond it")
        if disk not in (0, WIDE16):
            raise _broken_zip("it is one part of several")
        size, packed, start = _widened(extra, size, packed, start)
        yield Entry(name, method, flags, crc, packed, size, start)
    if at != end:
        raise _broken_zip(f"its directory holds {end - at} bytes more than its {count} entries")


def _name(raw: bytes, flags: int) -> str:
    """Decode the name of a member with the code page that its flags give."""
    codec = "utf-8" if flags & UTF8 else "cp437"
    return _short_name(raw, codec) if len(raw) <= SHORT else raw.decode(codec, "replace")


@lru_cache(maxsize=1024)
def _short_name(raw: bytes, codec: str) -> str:
    """Decode a name; cached because a store's members share names and decoding cp437 is slow."""
    return raw.decode(codec, "replace")


def _widened(extra: bytes, *narrow: int) -> tuple[int, int, int]:
    """Return size, packed size and start; numbers that do not fit 32 bits come from the zip64 extra field."""
    wide = b""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = extra[at + 4 : at + 4 + size]
        at += 4 + size
    result = []
    for number in narrow:
        if number != WIDE:
            result.append(number)
            continue
        if len(wide) < 8:
            raise _broken_zip("a size beyond 32 bits is not there")
        result.append(int.from_bytes(wide[:8], "little"))
        wide = wide[8:]
    return result[0], result[1], result[2]


def _span(value: Value, entry: Entry, directory: int) -> tuple[int, int]:
    """Return the offsets where a member's data begins and ends; raises BrokenZip if its local header disagrees."""
    at = entry.at
    if at + _LOCAL.size > directory or bytes(value[at : at + 4]) != LOCAL:
        raise BrokenZip(_member_finding(entry, "undecodable", f"is not at byte {at}, where the directory says it is"))
    _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack_from(value, at)
    name_start = at + _LOCAL.size
    name = _name(bytes(value[name_start : name_start + name_size]), flags)
    if name != entry.name or method != entry.method or (flags ^ entry.flags) & ENCRYPTED:
        raise BrokenZip(
            _member_finding(entry, "undecodable", f"its header at byte {at} says something else than the directory")
        )
    extra = bytes(value[name_start + name_size : name_start + name_size + extra_size])
    if not flags & DESCRIPTOR:
        size, packed, _ = _widened(extra, size, packed, 0)
        if (crc, packed, size) != (entry.crc, entry.packed, entry.size):
            raise BrokenZip(
                _member_finding(entry, "undecodable", f"its header at byte {at} gives another size or checksum")
            )
    start = name_start + name_size + extra_size
    if start + entry.packed > directory:
        raise BrokenZip(
            _member_finding(entry, "truncated", f"runs beyond the end of the archive's data at byte {directory}")
        )
    return start, start + entry.packed


def _unpacked(entry: Entry, packed: Value, remaining: int) -> Member:
    """Return a member with its content, whose size and checksum are verified."""
    if entry.flags & ENCRYPTED:
        return Member(entry.name, finding=_member_finding(entry, "unknown-payload", "is encrypted"))
    if entry.method == STORED:
        data: Value = packed
    elif entry.method == DEFLATED:
        if entry.size > remaining:
            finding = _member_finding(
                entry, "too-large", f"declares {entry.size} bytes, which are not unpacked", "unverifiable"
            )
            return Member(entry.name, finding=finding)
        unpacker = zlib.decompressobj(-15)
        try:
            data = unpacker.decompress(packed, entry.size + 1)
        except zlib.error as error:
            reason = str(error).partition(": ")[2] or str(error)
            return Member(entry.name, finding=_member_finding(entry, "undecodable", f"cannot be unpacked: {reason}"))
        if not unpacker.eof and len(data) <= entry.size:
            return Member(entry.name, finding=_member_finding(entry, "truncated", "its compressed data ends early"))
    else:
        finding = _member_finding(
            entry, "unknown-payload", f"is compressed by method {entry.method}, which is not unpacked"
        )
        return Member(entry.name, finding=finding)
    if len(data) != entry.size:
        comparison = "more" if len(data) > entry.size else "fewer"
        return Member(
            entry.name, finding=_member_finding(entry, "size-mismatch", f"has {comparison} than its {entry.size} bytes")
        )
    crc = zlib.crc32(data)
    if crc != entry.crc:
        return Member(
            entry.name, finding=_member_finding(entry, "checksum", f"its CRC-32 is {crc:08x}, expected {entry.crc:08x}")
        )
    return Member(entry.name, data)


def _broken_zip(reason: str) -> BrokenZip:
    return BrokenZip(found("undecodable", f"the zip archive is broken: {reason}"))


def _member_finding(entry: Entry, code: str, problem: str, verdict: str | None = None) -> Finding:
    text = f'the member "{entry.name[:80]}" {problem}'
    if verdict == "unverifiable":
        return found(code, text, verdict="unverifiable")
    return found(code, text)
