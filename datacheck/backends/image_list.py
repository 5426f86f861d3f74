"""Read text lists of pictures with labels the way Caffe's ImageData layer and convert_imageset do.

Each line is a name, a blank and a label: the label is `atoi` of the text behind the last blank, the name is everything
before it (image_data_layer.cpp). A record is one line. Its value is the picture's file and the label, as an encoded
Datum.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from datacheck.backends.interface import StoreOptions
from datacheck.errors import DENIED
from datacheck.files.regular import NotRegular, TooLarge, is_regular, open_regular, read_whole
from datacheck.model.blocks import Block, Layout, Note, Position, Shard, ignore
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found
from datacheck.varint import varint

LINES_A_SHARD = 256
SHARDS = 4096
PROBES = 64
LINES_A_PROBE = 16
BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 14
"""Longest line that is read as a name and a label, in bytes. Paths have at most 4096 bytes on Linux."""
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
LARGEST = 1 << 28
"""Largest picture file that is read, in bytes."""
_NUMBER = re.compile(rb"[ \t\v\f\r]*([+-]?[0-9]{1,100})")
"""A number as `strtol` reads it. 100 digits are enough: the number is then far beyond 64 bits, where `strtol` stops."""


class Line(msgspec.Struct, frozen=True):
    """A line as Caffe reads it: the picture's name and label, and a finding if something else was most likely meant."""

    name: bytes
    label: int
    fault: Finding | None = None


def parse(line: bytes) -> Line:
    """Return what Caffe reads from a line without its newline."""
    name, blank, text = line.rpartition(b" ")
    if not blank:
        name = line
    number = _NUMBER.match(text)
    label = int(number[1]) if number else 0
    label = (max(-(1 << 63), min(label, (1 << 63) - 1)) + (1 << 31)) % (1 << 32) - (1 << 31)
    return Line(name, label, _line_fault(line, bool(blank), text, label))


def _line_fault(line: bytes, blank: bool, text: bytes, label: int) -> Finding | None:
    def fault(message: str, situation: str) -> Finding:
        return found("list-line", message, situation=situation, label=label)

    label_text = escape(text.rstrip(b"\r")[:40])
    if len(line) > LONGEST_LINE:
        return fault(f"a line of more than {LONGEST_LINE} bytes", "no-file")
    if not line.strip():
        return fault("a blank line: a picture with an empty name", "no-file")
    if line.endswith((b" ", b" \r")):
        return fault(f"a blank at the end: the label is {label}, and the name goes up to that blank", "no-file")
    if not blank and b"\t" in line:
        return fault("a tab instead of a blank: the whole line is the name", "no-file")
    if not blank:
        return fault(f"no label: the whole line is the name, the label is {label}", "label")
    if not re.fullmatch(rb"[+-]?[0-9]+\r?", text):
        return fault(f"the label {label_text!r} is not an integer, and reads as {label}", "label")
    if len(text) > 100 or int(text) != label:
        return fault(f"the label {label_text} does not fit 32 bits, and reads as {label}", "label")
    return None


class ListBlock(Block, frozen=True):
    """Records of a list; `files` are the names of the pictures."""

    files: Sequence[str] = field(default=())

    def scoped(self, row: int | None, finding: Finding) -> Finding:
        return finding if row is None else msgspec.structs.replace(finding, file=self.files[row])

    def take(self, rows: Sequence[int]) -> ListBlock:
        block = Block.take(self, rows)
        assert isinstance(block, ListBlock)
        return msgspec.structs.replace(block, files=[self.files[row] for row in rows])


@dataclass(frozen=True)
class ImageListReader:
    """A list of pictures. As in Caffe, `prefix` is put before each name, and names are relative to `folder`."""

    path: Path
    folder: Path = Path()
    prefix: str = ""
    backend: str = "image-list"

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions) -> ImageListReader | None:
        """Return None: any text could be such a list, so a caller has to ask for this reader explicitly."""
        return None

    def layout(self) -> Layout:
        """Count the lines and make a shard of every LINES_A_SHARD lines, or of more in a long list."""
        offsets = [0]
        lines = 0
        with open_regular(self.path) as file:
            for _ in _lines(file):
                lines += 1
                if lines % LINES_A_SHARD == 0:
                    offsets.append(file.tell())
        step = -(-len(offsets) // SHARDS)
        starts = [(at * LINES_A_SHARD, offsets[at]) for at in range(0, len(offsets), step)]
        starts = [(line, offset) for line, offset in starts if line < lines]
        ends = [*(line for line, _ in starts[1:]), lines][: len(starts)]  # none if the list has no lines
        shards = [
            Shard(f"{offset}:{line}", Position(line), Position(end), end - line)
            for (line, offset), end in zip(starts, ends, strict=True)
        ]
        return Layout(shards, list(_probes(shards)), lines, self.path.stat().st_size)

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[ListBlock]:
        """Yield the pictures of the lines of a shard. Lines are numbered from 0 here, and from 1 in names."""
        most = limit or LINES_A_SHARD
        keys: list[bytes] = []
        values: list[bytes] = []
        files: list[str] = []
        findings: list[tuple[int | None, Finding]] = []
        size = 0
        note(shard.start or Position(0), False)
        for at, line in self._numbered_lines(shard):
            note(Position(at), True)
            entry = parse(line)
            value, fault = self._value(entry)
            if fault is not None:
                findings.append((len(keys), fault))
            keys.append(_key(at))
            values.append(value)
            files.append(escape(entry.name[:LONGEST_LINE]))
            size += len(value)
            if size >= BLOCK_BYTES or len(keys) >= most:
                yield ListBlock(keys, values, findings=findings, files=files, account=_account(keys, findings))
                keys, values, files, findings, size = [], [], [], [], 0
        if keys:
            yield ListBlock(keys, values, findings=findings, files=files, account=_account(keys, findings))

    def conclude(self, account: Mapping[str, int]) -> list[Finding]:
        """Return one finding if none of the pictures exists, since the folder is then wrong rather than a line."""
        lines = account.get("lines", 0)
        if not lines or account.get("missing", 0) < lines:
            return []
        where = "the working directory" if self.folder == Path() else plain(str(self.folder))
        message = f"none of the {lines:,} pictures that the list names is there; names are taken from {where}"
        return [
            found("missing", message if lines > 1 else f"the one picture of the list is not there, seen from {where}")
        ]

    def find(self, key: str) -> Shard | None:
        match = re.fullmatch(r"line ([1-9][0-9]{0,17})", key)
        if match is None:
            return None
        line = int(match[1]) - 1
        for shard in self.layout().shards:
            assert shard.start is not None
            assert shard.stop is not None
            if shard.start.row <= line < shard.stop.row:
                return Shard(shard.part, Position(line), Position(line + 1), 1)
        return None

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        return msgspec.structs.replace(finding, key=_key(place.row).decode())

    def reads(self) -> Iterator[Path]:
        """Yield the path of each picture, whether it exists or not."""
        with open_regular(self.path) as file:
            for line in _lines(file):
                yield self._picture(parse(line))

    def _picture(self, entry: Line) -> Path:
        return self.folder / os.fsdecode(self.prefix.encode("utf-8", "surrogateescape") + entry.name)

    def _numbered_lines(self, shard: Shard) -> Iterator[tuple[int, bytes]]:
        offset, first = map(int, shard.part.split(":"))
        start = first if shard.start is None else shard.start.row
        with open_regular(self.path) as file:
            file.seek(offset)
            for at, line in enumerate(_lines(file), first):
                if shard.stop is not None and at >= shard.stop.row:
                    return
                if at >= start:
                    yield at, line

    def _value(self, entry: Line) -> tuple[bytes, Finding | None]:
        """Return the record of a line and what is wrong with it. The record is empty if there is no picture to read."""
        situation = None if entry.fault is None else entry.fault.details["situation"]
        if situation == "no-file":
            return b"", entry.fault
        path = self._picture(entry)
        try:
            picture = read_whole(path, LARGEST)
        except (IsADirectoryError, NotRegular) as exc:
            what = exc.clause if isinstance(exc, NotRegular) else "is a directory"
            return b"", entry.fault or found("missing", f"the list names this, which {what}")
        except TooLarge:
            size = path.stat().st_size
            text = f"the file has {size} bytes; at most {LARGEST} are read"
            return b"", found("too-large", text, verdict="unverifiable", found=size, expected=LARGEST)
        except PermissionError:
            return b"", found("unsupported", f"the file {DENIED}")
        except (OSError, ValueError):  # a name with a NUL byte raises ValueError
            return b"", entry.fault or found("missing", "the list names this file, but there is none")
        if not picture:
            return b"", entry.fault
        label = b"\x28" + varint(entry.label & (1 << 64) - 1)
        return b"\x22" + varint(len(picture)) + picture + label + b"\x38\x01", entry.fault


def _account(keys: Sequence[bytes], findings: Sequence[tuple[int | None, Finding]]) -> dict[str, int]:
    return {"lines": len(keys), "missing": sum(it.code == "missing" for _, it in findings)}


def list_of_pictures(path: Path) -> str | None:
    """Return a clause that says that a text is a list of pictures, judged by its first lines, or None if it is not."""
    with open_regular(path) as file:
        lines = [parse(line).name for line in itertools.islice(_lines(file), LINES_A_SHARD)]
    names = [os.fsdecode(it) for it in lines if it.strip()]
    if not names or not all(Path(it).suffix.lower() in PICTURE_SUFFIXES for it in names):
        return None
    present = any(is_regular(folder / it) for it in names for folder in (Path(), path.parent))
    absence = "" if present else f"; none of its pictures is there, the first is {plain(names[0])}"
    return f"is a list of pictures, which is read as the source of a Caffe network's ImageData layer (--net){absence}"


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines without their newlines. Lines that are too long are cut, but stay longer than LONGEST_LINE."""
    while line := file.readline(LONGEST_LINE + 2):
        rest = line
        while not rest.endswith(b"\n") and len(rest) == LONGEST_LINE + 2:
            if not rest.strip(b"\0"):
                _skip_hole(file)
            rest = file.readline(LONGEST_LINE + 2)
        yield line.removesuffix(b"\n")


def _skip_hole(file: BinaryIO) -> None:
    """Skip a hole in the file, which may be of any size. It reads as zeros, and no list has those."""
    try:
        file.seek(file.tell(), os.SEEK_DATA)
    except OSError:  # the rest of the file is a hole
        file.seek(0, os.SEEK_END)


def _probes(shards: Sequence[Shard]) -> Iterator[Shard]:
    chosen = [shards[at * len(shards) // PROBES] for at in range(PROBES)] if len(shards) > PROBES else shards
    for shard in chosen:
        assert shard.start is not None
        assert shard.stop is not None
        start = shard.start.row
        stop = min(start + LINES_A_PROBE, shard.stop.row)
        yield Shard(shard.part, Position(start), Position(stop), stop - start)


def _key(line: int) -> bytes:
    return b"line %d" % (line + 1)
