"""Parse NumPy's .npy bytes: a header that is a Python literal, then the values.

The format is that of `numpy.lib.format`, versions 1 to 3. The header is parsed here; nothing is ever unpickled.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.rows import real
from datacheck.decoders.trees.paths import is_label
from datacheck.model.finding import UNKNOWN_TIMES, Finding, found
from datacheck.model.profile import FamilyProfile

MAGIC = b"\x93NUMPY"
LITERAL_BYTES = 1 << 16
"""Longest header that is parsed, in bytes; NumPy refuses more than 10,000 bytes in files that it does not trust."""
MOST_ROOM = 1 << 40
"""Maximum size in bytes, with empty axes counted as 1, up to which arrays without values keep their shape."""
NUMBERS, TIMES = "biufc", "Mm"
"""The kinds of dtype whose values are checked, and of times, of which only NaT is found; of strings the size counts."""
SECOND = "[1]"
"""The name of the second of several arrays in one value."""
SERIES = 1 << 10
"""Maximum number of arrays in one value that are read."""
OBJECTS = "an array of pickled Python objects, which are never loaded"
_LONG = re.compile(r"(?<=[0-9])L\b")
"""Matches the suffix of Python 2's long integers, which occurs in versions 1 and 2."""


class Header(msgspec.Struct, frozen=True):
    """What the header says about the values that follow it."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool

    @property
    def size(self) -> int:
        """The size of the values in bytes."""
        return prod(self.shape) * self.dtype.itemsize


def read_array(value: Value) -> Reading:
    """Read one array of any dtype, as a view of `value`."""
    header, start = _header(value)
    if isinstance(header, Finding):
        return Reading(findings=[header])
    size, stored = header.size, len(value) - start
    if stored < size:
        message = f"{stored} bytes of values, {_sizes(header)} takes {size}"
        return Reading(findings=[found("truncated", message, field="data", found=stored, expected=size)])
    findings = []
    if stored > size:
        message = f"{stored - size} bytes after the end of the array of {_sizes(header)}"
        findings.append(found("trailing-data", message, field="data", offset=start + size, size=stored - size))
    if size:
        flat = np.frombuffer(value, header.dtype, prod(header.shape), start)
        values = flat.reshape(header.shape, order="F" if header.fortran else "C")
    else:
        values = _without_values(header)
    fields = []
    for name, it in _members("", values):
        if it.dtype.kind in NUMBERS:
            label = name != "data" and is_label(name.replace(".", "/"))
            fields.append(Field(name, real(it[np.newaxis])[0], format="npy", label=label, leaf=True))
        elif it.dtype.kind == "V" and it.nbytes:
            findings.append(found("unknown-payload", void_message(it.dtype), field=name))
        elif it.dtype.kind in TIMES and (finding := no_times_finding(it, name)) is not None:
            findings.append(finding)
    return Reading(fields, findings)


def read_series(value: Value, profile: FamilyProfile | None, start: str = "") -> Reading | None:
    """Read arrays that lie behind each other, as `numpy.save` writes them to one stream: "[0]", "[1]" and so on.

    `start` is the path of the value in the record. Return None if the value is to be read as one array. If only few
    other records hold several there, a loader does not read the second one.
    """
    if profile is None:
        size = stored_size(value)
        several = size is not None and bool(read_array(value[size:]).fields)
    else:
        second = profile.fields.get(f"{start}{SECOND}")
        several = second is not None and second.share > 0.5
    if not several:
        return None
    fields: list[Field] = []
    findings: list[Finding] = []
    value, at = memoryview(value), 0  # slices of bytes would be copies
    for number in range(SERIES):
        size = stored_size(value[at:])
        more = size is not None and value[at + size : at + size + len(MAGIC)] == MAGIC
        part = read_array(value[at : at + size] if more and size is not None else value[at:])
        for it in part.fields:
            name = f"[{number}]" if it.name == "data" else f"[{number}].{it.name}"
            fields.append(msgspec.structs.replace(it, name=name))
        findings += [msgspec.structs.replace(it, field=f"[{number}]") for it in part.findings]
        if not more or size is None:
            break
        at += size
    else:
        text = f"more than {SERIES} arrays in one value; the others are not read"
        findings.append(found("too-large", text, field=f"[{SERIES}]", verdict="unverifiable"))
    if len(fields) == 2 and fields[0].values.ndim and _is_integer(fields[1].values):
        fields[1] = msgspec.structs.replace(fields[1], label=True)
    return Reading(fields, findings)


def _is_integer(values: NDArray[Any]) -> bool:
    return values.size == 1 and values.dtype.kind in "iu"


def no_times_finding(values: NDArray[Any], name: str) -> Finding | None:
    """Return the finding about times that are NaT, NumPy's word for what is no time, or None if none is.

    They may be missing on purpose, but as numbers they are the lowest that there is.

    >>> no_times_finding(np.array(["2026-01-01", "NaT"], "M8[D]"), "end").message
    '1 of 2 times is NaT, not a time, first at [1]'
    """
    missing = np.isnat(values)
    count = int(missing.sum())
    if not count:
        return None
    first = [int(it) for it in np.unravel_index(int(missing.argmax()), values.shape)]
    where = f", first at {first}" if first else ""
    text = f"{count} of {values.size} times {'is' if count == 1 else 'are'} NaT, not a time{where}"
    return found("nan", text, field=name, verdict="suspicious", **{UNKNOWN_TIMES: count})


def void_message(dtype: np.dtype[Any]) -> str:
    """Return the sentence about an array of items whose meaning the dtype does not give."""
    like = {1: ", as NumPy saves 8-bit floats", 2: ", as NumPy saves bfloat16"}.get(dtype.itemsize, "")
    return f"an array of {dtype} (items of {dtype.itemsize} bytes{like}): nothing says what they are"


def _without_values(header: Header) -> NDArray[Any]:
    """Return an array without values in the shape that the header gives, one of whose axes is empty.

    NumPy limits the other axes, so the shape becomes (0,) if they are too long. It also does if the items take no
    bytes, such as strings of no letters: the shape may then be anything, and there is nothing to check.
    """
    byte_count = prod(max(1, size) for size in header.shape) * header.dtype.itemsize
    return np.empty(header.shape if 0 < byte_count <= MOST_ROOM else 0, header.dtype)


def column(value: Value) -> NDArray[Any] | None:
    """Return the values of an array of one dimension, as a view of `value`, or None if these are no such .npy bytes."""
    header, start = _header(value)
    if isinstance(header, Finding) or len(header.shape) != 1 or not header.size or len(value) - start != header.size:
        return None
    return np.frombuffer(value, header.dtype, offset=start)


def whole_array(value: Value) -> NDArray[Any] | None:
    """Return the array in .npy bytes that has values, as a view of `value`, or None if these are no such bytes."""
    header, start = _header(value)
    if isinstance(header, Finding) or not header.size or len(value) - start != header.size or header.dtype.subdtype:
        return None
    flat = np.frombuffer(value, header.dtype, offset=start)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def void_content(value: Value) -> Value | None:
    """Return the bytes of a single item whose meaning its dtype does not give, as of `np.void(b"...")`, or None."""
    header, start = _header(value)
    if isinstance(header, Finding) or header.shape or header.dtype.kind != "V" or header.dtype.names is not None:
        return None
    return value[start : start + header.size] if len(value) - start == header.size else None


def whole_number(value: Value) -> int | None:
    """Return the whole number in .npy bytes without a dimension, or None if these are no such bytes."""
    array = whole_array(value)
    return None if array is None or array.shape or array.dtype.kind not in "iu" else int(array)


def objects_at(value: Value) -> int | None:
    """Return the offset of the pickle that holds the items of an array of objects, or None for any other array."""
    if value[:6] != MAGIC:
        return None
    header, start = _header(value)
    return start if isinstance(header, Finding) and header.message == OBJECTS else None


def dtype_of(value: Value) -> str:
    """Return the dtype of an array as it is printed, or "" if there is no valid header."""
    header, _ = _header(value)
    return "" if isinstance(header, Finding) else str(header.dtype)


def stored_size(value: Value) -> int | None:
    """Return the size in bytes of an array with its header, or None if there is no valid header."""
    header, start = _header(value)
    return None if isinstance(header, Finding) else start + header.size


def _header(value: Value) -> tuple[Header | Finding, int]:
    """Return the header, or a finding about it, and the offset behind it."""
    if bytes(value[:6]) != MAGIC:
        return found("undecodable", f"not .npy bytes: begins with {bytes(value[:6]).hex(' ')}", field="data"), 0
    major = value[6] if len(value) > 6 else 1
    if major not in (1, 2, 3):
        return found("unknown-payload", f".npy of version {major}, known are 1 to 3", field="data"), 0
    start = 10 if major == 1 else 12
    stop = start + int.from_bytes(value[8:start], "little")
    if len(value) < start or stop > len(value):
        return found("truncated", f"ends at byte {len(value)} inside the .npy header", field="data"), 0
    if stop - start > LITERAL_BYTES:
        message = f"a .npy header of {stop - start} bytes"
        return found("too-large", message, field="data", verdict="unverifiable", found=stop - start), 0
    return _parsed(bytes(value[start:stop]), major), stop


@lru_cache(maxsize=256)
def _parsed(literal: bytes, major: int) -> Header | Finding:
    """Parse a header; cached because the records of a store share theirs."""
    try:
        text = literal.decode("utf-8" if major == 3 else "latin-1")
        with warnings.catch_warnings():  # Python and NumPy warn about old spellings in literals and dtypes
            warnings.simplefilter("ignore")
            header = ast.literal_eval((_LONG.sub("", text) if major < 3 else text).strip())
            shape, fortran = header["shape"], header["fortran_order"]
            dtype = np.lib.format.descr_to_dtype(header["descr"])
    except Exception as error:  # noqa: BLE001 - parsing a literal from a file raises nearly anything, MemoryError too
        return found("undecodable", f"the .npy header is broken: {error or type(error).__name__}", field="data")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape) or len(shape) > 32:
        return found("undecodable", f"the .npy header gives the shape {str(shape)[:80]}", field="data")
    if dtype.hasobject:
        return found("unknown-payload", OBJECTS, field="data")
    return Header(dtype, shape, bool(fortran))


def _members(name: str, values: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays without members in an array; members of structured arrays are named by their dotted path."""
    for member in values.dtype.names or ():
        yield from _members(f"{name}.{member}" if name else member, values[member])
    if values.dtype.names is None:
        yield name or "data", values


def _sizes(header: Header) -> str:
    return f"{' x '.join(map(str, header.shape)) or 'one'} {header.dtype}"
