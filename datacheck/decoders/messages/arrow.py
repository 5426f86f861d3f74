"""Decode Arrow IPC streams and tensors. Messages are walked here; pyarrow, if installed, reads the values.

Source: the Arrow columnar format, "IPC streaming format", and the flatbuffers of its messages (format/Message.fbs).
"""

from __future__ import annotations

import importlib
import struct
from dataclasses import dataclass, field
from typing import Any

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.messages.arrow_sizes import unpacked_size
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.series import SERIES, first_or_series, too_many
from datacheck.decoders.trees.tree import STREAM, Items, Keyed, Node, Opaque, Parsed
from datacheck.decoders.wrappers.interface import LIMIT, too_large
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile
from datacheck.model.replacing import replace

MARK = b"\xff\xff\xff\xff"
FILE, FILE_END = b"ARROW1\0\0", b"ARROW1"
"""The beginning of an Arrow file (Feather 2), before a stream, and its end, behind a footer and its size."""
SCHEMA, DICTIONARY, BATCH, TENSOR, SPARSE = range(1, 6)
BODY_LENGTH, HEADER_TYPE = 3, 1
MESSAGES = 1 << 16
DEPTH = 16
LEGACY = (12, 16, 20, 24, 28, 32)
"""Sizes in bytes of the counts that pyarrow.serialize wrote before its stream, which depend on its version."""
MOST = 1 << 20
LEGACY_MESSAGE = (
    "pyarrow.serialize wrote this, which newer releases of pyarrow have removed: only an old one can read it, and "
    "store it in another format"
)


@dataclass(slots=True)
class Stream:
    """The result of walking a stream: the kinds of its messages, its end offset, and a finding if it is flawed.

    `unpacked` is the size in bytes that its compressed buffers declare.
    """

    kinds: list[int] = field(default_factory=list)
    end: int = 0
    unpacked: int = 0
    finding: Finding | None = None


class ArrowDecoder(TreeDecoder):
    """Decodes Arrow IPC streams, files and tensors into a field for each column, with pyarrow."""

    name = "arrow"

    def knows(self, value: Value) -> bool:
        return is_arrow(value) or is_legacy(value) or bytes(value[: len(FILE)]) == FILE

    def parse(self, value: Value) -> Parsed:
        """Return the columns of a stream or file by name, or the values of a tensor."""
        if bytes(value[: len(FILE)]) == FILE:
            return _parse_file(value)
        if bytes(value[:4]) != MARK:
            if is_legacy(value):
                return Parsed(None, [found("unknown-payload", LEGACY_MESSAGE)])
            message = f"not an Arrow stream: it begins with {bytes(value[:8]).hex(' ')}"
            return Parsed(None, [found("undecodable", message)])
        stream = walk_messages(value)
        findings = [] if stream.finding is None else [stream.finding]
        if findings and findings[0].code != "empty":
            return Parsed(None, findings)
        rest = len(value) - stream.end
        if rest:
            message = f"{rest} bytes after the end of the Arrow stream"
            findings.append(found("trailing-data", message, offset=stream.end, size=rest))
        if stream.finding is not None:
            return Parsed(None, findings)
        tree, finding = _read(value[: stream.end], stream.kinds[0])
        return Parsed(tree, findings if finding is None else [*findings, finding])

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one record: one stream or tensor, or several that lie behind each other."""
        first = TreeDecoder.read(self, value, profile, pixels=pixels)
        return first_or_series(first, self.parse_series, value, profile, pixels=pixels)

    def parse_series(self, value: Value) -> Parsed:
        """Return the contents of the streams and tensors that lie behind each other in a value, as a list.

        One of them may be a table without rows. The compressed buffers of all of them together unpack to at most LIMIT
        bytes.
        """
        trees: list[Node] = []
        findings: list[Finding] = []
        rest: Value = memoryview(value)
        unpacked = 0
        while not trees or bytes(rest[:4]) == MARK:
            if len(trees) == SERIES:
                findings.append(too_many("Arrow streams"))
                break
            path = f"[{len(trees)}]"
            unpacked += walk_messages(rest).unpacked
            if unpacked > LIMIT:
                findings.append(replace(too_large("Arrow", LIMIT), field=path))
                break
            parsed = self.parse(rest)
            trailing = next((it for it in parsed.findings if it.code == "trailing-data"), None)
            flaws = [it for it in parsed.findings if it is not trailing and it.code != "empty"]
            findings += [replace(it, field=path) for it in flaws]
            if any(it.verdict == "bad" for it in flaws):
                break
            trees.append(parsed.tree)
            if trailing is None:
                break
            rest = rest[trailing.details["offset"] :]
            if bytes(rest[:4]) != MARK:
                findings.append(trailing)
        return Parsed(Items(trees, STREAM), findings)


def _parse_file(value: Value) -> Parsed:
    """Return the columns of a file: the messages in it are those of a stream; the footer repeats where they are."""
    stream = walk_messages(value[len(FILE) :])
    if stream.finding is not None and stream.finding.verdict == "bad" and stream.finding.code != "empty":
        return Parsed(None, [stream.finding])
    end = len(FILE) + stream.end
    footer = int.from_bytes(value[len(value) - 10 : len(value) - 6], "little", signed=True)
    if len(value) < end + 10 or bytes(value[len(value) - 6 :]) != FILE_END:
        return Parsed(None, [found("truncated", f"the Arrow file ends at byte {len(value)}, before its end mark")])
    if not 0 < footer <= len(value) - 10 - end:
        return Parsed(None, [found("undecodable", f"the footer of the Arrow file has {footer} bytes")])
    if stream.finding is not None:
        return Parsed(None, [stream.finding])
    tree, finding = _read(value[len(FILE) : end], stream.kinds[0])
    return Parsed(tree, [] if finding is None else [finding])


def is_arrow(value: Value) -> bool:
    """Check whether a value begins with an Arrow message: the mark, a size, and a table with a known kind."""
    if bytes(value[:4]) != MARK or len(value) < 24:
        return False
    message = _message(value, 0)
    return message is not None and message[0] in (SCHEMA, TENSOR, SPARSE)


def is_legacy(value: Value) -> bool:
    """Check whether pyarrow.serialize wrote a value: a few small counts, then a stream."""
    for at in LEGACY:
        if bytes(value[at : at + 4]) == MARK:
            counts = struct.unpack_from(f"<{at // 4}i", value)
            message = _message(value, at)
            return all(0 <= it < MOST for it in counts) and message is not None and message[0] == SCHEMA
    return False


def walk_messages(value: Value) -> Stream:
    """Walk the messages of a stream to its end, or to the first flaw."""
    stream = Stream()
    at = 0
    while at < len(value) and len(stream.kinds) < MESSAGES:
        if bytes(value[at : at + 4]) != MARK[: len(value) - at]:
            break
        if at + 8 > len(value):
            stream.finding = _truncated(value, "inside the header of a message")
            return stream
        if bytes(value[at + 4 : at + 8]) == b"\0\0\0\0":
            stream.end = at + 8
            break
        size = int.from_bytes(value[at + 4 : at + 8], "little")
        if at + 8 + size > len(value):
            stream.finding = _truncated(value, f"inside the header of message {len(stream.kinds) + 1}")
            return stream
        message = _message(value, at)
        if message is None:
            text = f"message {len(stream.kinds) + 1} of the Arrow stream, at byte {at}, is broken"
            stream.finding = found("undecodable", text, offset=at)
            return stream
        kind, body = message
        stream.kinds.append(kind)
        header, view = bytes(value[at + 8 : at + 8 + min(size, MOST)]), memoryview(value)
        stream.unpacked += unpacked_size(header, kind, view[at + 8 + size : at + 8 + size + body])
        at += 8 + size + body
        stream.end = at
        if at > len(value):
            stream.finding = _truncated(value, f"inside the values of message {len(stream.kinds)}")
            return stream
        if kind in (TENSOR, SPARSE):
            break
    if stream.unpacked > LIMIT:
        stream.finding = too_large("Arrow", LIMIT)
    elif not stream.kinds:
        stream.finding = found("undecodable", "an Arrow stream without a message")
    elif stream.kinds[0] == SCHEMA and BATCH not in stream.kinds:
        stream.finding = found("empty", "an Arrow stream without values: no batch of records is in it")
    return stream


def _message(value: Value, at: int) -> tuple[int, int] | None:
    """Return the kind and the body size in bytes of the message at an offset, or None if there is no valid message."""
    size = int.from_bytes(value[at + 4 : at + 8], "little")
    if not 16 <= size <= len(value) - at - 8 and not 16 <= size <= MOST:
        return None
    table = bytes(value[at + 8 : at + 8 + min(size, MOST)])
    kind, body = _field(table, HEADER_TYPE, "<B"), _field(table, BODY_LENGTH, "<q")
    return (kind, body) if kind is not None and SCHEMA <= kind <= SPARSE and body is not None and body >= 0 else None


def _field(buffer: bytes, number: int, kind: str) -> int | None:
    """Return a field of a flatbuffer's root table: 0 if it is omitted, or None if the buffer is broken."""
    try:
        root = struct.unpack_from("<I", buffer)[0]
        entries = root - struct.unpack_from("<i", buffer, root)[0]
        if entries < 0:
            return None
        if struct.unpack_from("<H", buffer, entries)[0] < 6 + 2 * number:
            return 0
        offset = struct.unpack_from("<H", buffer, entries + 4 + 2 * number)[0]
        value: int = struct.unpack_from(kind, buffer, root + offset)[0] if offset else 0
    except struct.error:
        return None
    return value


def _truncated(value: Value, where: str) -> Finding:
    return found("truncated", f"the Arrow stream ends at byte {len(value)}, {where}", size=len(value))


def _read(value: Value, kind: int) -> tuple[Node, Finding | None]:
    """Return the values that pyarrow reads, or None and a finding if it cannot read them."""
    try:
        pa = importlib.import_module("pyarrow")
        ipc = importlib.import_module("pyarrow.ipc")
    except ImportError:
        return None, found("unknown-payload", "an Arrow IPC stream, which the package pyarrow reads: install it")
    try:
        if kind == SPARSE:
            return Opaque("pyarrow.SparseTensor"), None
        if kind == TENSOR:
            values: Node = ipc.read_tensor(pa.BufferReader(value)).to_numpy()
            return values, None
        table = ipc.open_stream(pa.BufferReader(value)).read_all()
        table.validate(full=True)
        columns: list[tuple[Node, Node]] = [
            (it, _column(table.column(at), 0)) for at, it in enumerate(table.column_names)
        ]
    except MemoryError:  # pyarrow's is an ArrowException too, and says nothing of the data
        raise
    except (pa.ArrowException, ValueError, TypeError, OSError, KeyError, OverflowError) as error:
        return None, found("undecodable", f"pyarrow cannot read the Arrow stream: {str(error).splitlines()[0]}")
    return Keyed(columns), None


def _column(column: Any, depth: int) -> Node:
    """Return the values of a column; nulls are dropped, and lists are concatenated."""
    types = importlib.import_module("pyarrow.types")
    kind = column.type
    if depth > DEPTH:
        return Opaque(str(kind)[:80])
    if types.is_dictionary(kind) and (types.is_string(kind.value_type) or types.is_large_string(kind.value_type)):
        texts = [it.dictionary for it in column.chunks]  # each once: the rows may be far larger than the record
        return _column(importlib.import_module("pyarrow").chunked_array(texts, kind.value_type), depth + 1)
    if types.is_dictionary(kind):
        return _column(column.cast(kind.value_type), depth + 1)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        flat = [it.flatten() for it in column.chunks]
        return _column(importlib.import_module("pyarrow").chunked_array(flat, kind.value_type), depth + 1)
    if types.is_struct(kind):
        names = [kind.field(at).name for at in range(kind.num_fields)]
        return Keyed([(name, _column(it, depth + 1)) for name, it in zip(names, column.flatten(), strict=True)])
    column = column.drop_null()
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        values: Node = column.to_numpy() if len(column) else Items()
        return values
    if any(it(kind) for it in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)):
        return Items(column.to_pylist())
    return Opaque(str(kind)[:80])
