"""Decode safetensors: a JSON header with the position of each tensor, then the bytes of the tensors.

Source: the format's README in huggingface/safetensors. Its own reader refuses headers of more than 100 MB, holes,
overlaps, and bytes after the last tensor; so does this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import msgspec
import numpy as np

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.json_text import parse_json
from datacheck.decoders.trees.number_lists import empty, sizes_of
from datacheck.decoders.trees.storages import widened
from datacheck.decoders.trees.tree import Keyed, Node, Opaque, Parsed
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile

HEADER = 1 << 24
"""Longest header that is read, in bytes; the format allows up to 100 MB."""
METADATA = "__metadata__"
DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8",
    "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1",
    "C64": "<c8",
}  # fmt: skip
"""NumPy dtype of the stored values, by safetensors dtype; dtypes that NumPy lacks are read as bit patterns."""
WIDENED = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}
UNSEEN = {"F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1, "F4": 0, "F6_E2M3": 0, "F6_E3M2": 0}
"""Known dtypes whose values are not checked, with the bytes per value; 0 if several values share a byte."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """The header's entry for a tensor; `start` and `stop` are offsets from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class SafetensorsDecoder(TreeDecoder):
    """Decodes safetensors into a field for each tensor."""

    name = "safetensors"

    def knows(self, value: Value) -> bool:
        if len(value) < 10:
            return False
        size = int.from_bytes(value[:8], "little")
        return 2 <= size <= HEADER and bytes(value[8:10]) in (b'{"', b"{}")

    def parse(self, value: Value) -> Parsed:
        """Return the tensors by name, as views."""
        size = int.from_bytes(value[:8], "little")
        start = 8 + size
        if len(value) < 8 or (start > len(value) and bytes(value[8:9]) in (b"{", b"")):
            return Parsed(None, [found("truncated", f"ends at byte {len(value)}, inside the safetensors header")])
        if size > HEADER or bytes(value[8:9]) != b"{":
            return Parsed(None, [found("undecodable", f"not safetensors: it begins with {bytes(value[:10]).hex(' ')}")])
        tensors = _tensors(bytes(value[8:start]))
        if isinstance(tensors, Finding):
            return Parsed(None, [tensors])
        end = tensors[-1].stop if tensors else 0
        stored = len(value) - start
        if stored < end:
            incomplete = sum(it.stop > stored for it in tensors)
            message = f"{stored} bytes of tensors, the header says {end}: {incomplete} of {len(tensors)} are not whole"
            return Parsed(None, [found("truncated", message, found=stored, expected=end)])
        findings = []
        if stored > end:
            message = f"{stored - end} bytes after the end of the last tensor"
            findings.append(found("trailing-data", message, offset=start + end, size=stored - end))
        return Parsed(Keyed([(it.name, _values(value, start, it)) for it in tensors]), findings)

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one record. Bytes behind the tensors are bad, unless nearly all records have some: safetensors fails."""
        reading = TreeDecoder.read(self, value, profile, pixels=pixels)
        if profile is None or profile.trailing:
            return reading
        for at, it in enumerate(reading.findings):
            if it.code == "trailing-data":
                message = f"{it.message}, which safetensors does not load"
                refused = found("size-mismatch", message, **it.details)
                findings = [*reading.findings[:at], refused, *reading.findings[at + 1 :]]
                return msgspec.structs.replace(reading, findings=findings)
        return reading


@lru_cache(maxsize=64)
def _tensors(header: bytes) -> tuple[Tensor, ...] | Finding:
    """Return the tensors sorted by offset, or a finding about the header; cached because a store's records share it."""
    parsed = parse_json(header.rstrip(b" \0"))
    if parsed.findings or not isinstance(parsed.tree, Keyed):
        reason = parsed.findings[0].message if parsed.findings else "it is not an object"
        return found("undecodable", f"the safetensors header is broken: {reason}")
    tensors: list[Tensor] = []
    names: set[Node] = set()
    for name, entry in parsed.tree.pairs:
        assert isinstance(name, str)
        if name in names:
            return found("undecodable", f'the safetensors header has the tensor "{name[:80]}" twice', field=name[:80])
        names.add(name)
        if name != METADATA:
            tensor = _tensor(name, entry)
            if isinstance(tensor, Finding):
                return tensor
            tensors.append(tensor)
    tensors.sort(key=lambda it: (it.start, it.stop))
    end = 0
    for it in tensors:
        if it.start != end:
            problem = "overlaps the one before it" if it.start < end else "leaves a hole before it"
            message = f"the tensor begins at {it.start}, where {end} is expected: it {problem}"
            return found("undecodable", message, field=it.name[:80], found=it.start, expected=end)
        end = it.stop
    return tuple(tensors)


def _tensor(name: str, entry: Node) -> Tensor | Finding:
    field = name[:80]
    values = {key: it for key, it in entry.pairs if isinstance(key, str)} if isinstance(entry, Keyed) else {}
    dtype, shape, span = values.get("dtype"), sizes_of(values.get("shape")), sizes_of(values.get("data_offsets"))
    if not isinstance(dtype, str) or shape is None or span is None or len(span) != 2 or span[0] > span[1]:
        return found("undecodable", "the safetensors header gives no dtype, shape and data_offsets for it", field=field)
    if dtype not in DTYPES and dtype not in UNSEEN:
        return found(
            "unknown-payload", f"a tensor of the dtype {dtype[:20]}, which datacheck does not know", field=field
        )
    width = np.dtype(DTYPES[dtype]).itemsize if dtype in DTYPES else UNSEEN[dtype]
    size = prod(shape) * width
    if size != span[1] - span[0] and width:
        shown = " x ".join(map(str, shape)) or "one"
        text = f"{span[1] - span[0]} bytes, {shown} {dtype} takes {size}"
        return found("size-mismatch", text, field=field, found=span[1] - span[0], expected=size)
    return Tensor(name, dtype, tuple(shape), span[0], span[1])


def _values(value: Value, start: int, it: Tensor) -> Node:
    if it.dtype in UNSEEN:
        return Opaque(f"safetensors.{it.dtype}")
    dtype = np.dtype(DTYPES[it.dtype])
    if it.start == it.stop:
        return empty(it.shape, dtype)
    values: Any = np.frombuffer(value, dtype, prod(it.shape), start + it.start).reshape(it.shape)
    return widened(values, WIDENED[it.dtype]) if it.dtype in WIDENED else values
