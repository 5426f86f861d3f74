"""Parse JSON to a tree, including the bare words NaN and Infinity that Python writes, and the arrays of ASE.

The grammar is that of RFC 8259, read by the standard library's scanner. In addition, NaN, Infinity and -Infinity are
numbers, keys may occur twice, and a record may be several values on separate lines. Lists of numbers are arrays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.trees.containers import ContainerDecoder
from datacheck.decoders.trees.number_lists import flat_numbers, sizes_of
from datacheck.decoders.trees.tree import Flawed, Items, Keyed, Node, Parsed
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOK = 1024
"""Number of bytes of a text that are examined to recognise JSON."""
SHORTEST = 3
"""Minimum length, in characters, of a text that is taken for JSON if it ends early."""
DEPTH = 128
"""Maximum nesting depth of lists and objects."""
DIGITS = 400
"""Integers with more digits are beyond any float, and become infinite."""
ASE = "__ndarray__"
CONTAINERS = frozenset({list, Keyed})
"""The types that the scanner creates for lists and objects."""
CHARACTER = 3
"""Maximum number of bytes of a character that is cut at the end of what is examined."""
_BINARY = re.compile(r"[\0\udc80-\udcff]")
"""Matches what is no text: a header in JSON may be followed by the bytes of an array."""
_SPACE = re.compile(r"[ \t\n\r]*")
_CUT = re.compile(
    r"-|-?I(?:n(?:f(?:i(?:n(?:i(?:t(?:y)?)?)?)?)?)?)?|Na?|t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?|\.\d*|\.?\d*[eE][+-]?\d*"
)
"""The beginnings of words, and what may remain of a number after its integer part, at the end of a text."""
_TOKEN = re.compile(
    r'[ \t\n\r]*(?:([\[{}\],:])|("(?:[^"\\\x00-\x1f]|\\["\\/bfnrtu])*")'
    r"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?Infinity|NaN|true|false|null))"
)
_NUMBERS = re.compile(r"(?:[ \t\n\r]*-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[ \t\n\r]*,)+")
"""Matches numbers in a list, each with the comma behind it."""
_NO_NUMBER = re.compile(r"-?(?:nan|inf)\b")
"""Matches what Python and NumPy write for NaN and infinity."""
_MARKS = ("", "", '"', "word")
"""Names in `_NEXT` for the second and third group of a token; a mark in the first group is its own name."""
_NEXT = {
    **{(wants, mark): then for wants in ("value", "item") for mark, then in (("{", "first"), ("[", "item"))},
    **{(wants, mark): "next" for wants in ("value", "item") for mark in ('"', "word")},
    **{(wants, '"'): "colon" for wants in ("first", "key")},
    **{(wants, "}"): "closed {" for wants in ("first", "next")},
    **{(wants, "]"): "closed [" for wants in ("item", "next")},
    ("colon", ":"): "value",
    ("next", ","): "more",
}
"""What may follow a token, by what was expected before: "first" is a key or the end, "item" a value or the end."""


def is_json(value: bytes | memoryview) -> bool:
    """Check whether a value begins like a JSON object or list, as far as it is examined.

    Bare numbers, words and strings are valid JSON as well, but count as text.
    """
    head = bytes(value[:LOOK])
    if head[:3] == b"\xef\xbb\xbf":
        head = head[3:]
    if head.lstrip(b" \t\n\r")[:1] not in (b"{", b"["):
        return False
    text = head.decode("utf-8", "surrogateescape")  # U+FFFD itself may be in a sound text
    return _begins_json(text)


def _begins_json(text: str) -> bool:
    """Walk the tokens of a text as far as possible; the last one may be incomplete."""
    at, open_, expected = 0, "", "value"
    while token := _TOKEN.match(text, at):
        at = token.end()
        mark = token[1] or _MARKS[token.lastindex or 0]
        expected = _NEXT.get((expected, mark), "")
        if not expected:
            return False
        if mark in "{[":
            open_ += mark
        elif expected == "more":
            expected = "key" if open_[-1] == "{" else "value"
            if expected == "value" and (numbers := _NUMBERS.match(text, at)) is not None:
                at = numbers.end()  # many at once: lists are mostly long
        elif expected.startswith("closed"):
            if open_[-1] != expected[-1]:
                return False
            open_, expected = open_[:-1], "next"
            if not open_:
                rest = text[at:].lstrip(" \t\r")
                return not rest or (rest[0] == "\n" and _BINARY.search(rest[:-CHARACTER]) is None)
    rest = text[at:].lstrip(" \t\n\r")
    cut_word = _CUT.fullmatch(rest) is not None and (rest[:1] in ".eE") == (expected == "next")
    cut_string = rest[:1] == '"' and "\n" not in rest and expected not in ("next", "colon")
    return len(text) >= SHORTEST and (not rest or cut_word or cut_string)


def parse_json(value: bytes | memoryview) -> Parsed:
    """Return the tree of a JSON text or of lines of JSON; if there are several flaws, only the first is reported."""
    raw = bytes(value)
    try:
        text = raw.decode("utf-8-sig" if raw[:3] == b"\xef\xbb\xbf" else "utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(raw, error)
    values: list[Any] = []
    at = _SPACE.match(text, 0).end()  # type: ignore[union-attr]  # it matches the empty string too
    while not values or at < len(text):
        try:
            read, end = _SCAN(text, at)
        except (json.JSONDecodeError, StopIteration, RecursionError, ValueError) as error:
            if values:
                break
            return Parsed(None, [_error_finding(text, at, error)])
        values.append(read)
        at = _SPACE.match(text, end).end()  # type: ignore[union-attr]
        if at < len(text) and "\n" not in text[end:at]:
            break
    findings = []
    if at < len(text):
        findings = [_trailing_finding(text, at, len(values))]
    try:
        tree = _converted(values[0] if len(values) == 1 else values)
    except _Deep:
        return Parsed(None, [_too_deep()])
    return Parsed(tree, findings)


class _Deep(Exception):
    """Lists and objects are nested too deeply."""


def _not_utf8(raw: bytes, error: UnicodeDecodeError) -> Parsed:
    if error.end == len(raw) and "unexpected end" in error.reason:
        return Parsed(None, [found("truncated", f"the JSON text ends at byte {len(raw)}, inside a character")])
    message = f"not UTF-8: {error.reason} ({raw[error.start]:#04x}) at byte {error.start}"
    return Parsed(None, [found("undecodable", message, offset=error.start)])


def _error_finding(text: str, start: int, error: Exception) -> Finding:
    """Return the finding for an error of the scanner."""
    if isinstance(error, RecursionError):
        return _too_deep()
    if isinstance(error, StopIteration):
        at, reason = int(error.value), "a value is missing"
    elif isinstance(error, json.JSONDecodeError):
        at, reason = error.pos, (error.msg[:1].lower() + error.msg[1:]).removesuffix(" at")
    else:
        at, reason = start, str(error)
    if (word := _NO_NUMBER.match(text, at)) is not None:
        reason = f"{word[0]}, which JSON does not have, stands for a number"
    rest = text[at:].strip(" \t\n\r")
    escape = re.match(r"\\?u?[0-9a-fA-F]{0,4}", rest)
    if (
        not rest
        or reason.startswith("unterminated")
        or _CUT.fullmatch(rest)
        or ("escape" in reason and escape is not None and escape.end() == len(rest))
    ):
        return found("truncated", f"the JSON text ends early, after {len(text.encode('utf-8', 'replace'))} bytes")
    offset = len(text[:at].encode())
    return found("undecodable", f"not JSON: {reason} at byte {offset}", offset=offset)


def _trailing_finding(text: str, at: int, count: int) -> Finding:
    """Return the finding about the text after the values: a broken line, or anything else."""
    offset = len(text[:at].encode())
    rest = len(text[at:].encode())
    if text[at] in "{[" and "\n" in text[:at]:
        try:
            _SCAN(text, at)
        except (json.JSONDecodeError, StopIteration, RecursionError, ValueError) as error:
            finding = _error_finding(text, at, error)
            return found(finding.code, f"line {count + 1}: {finding.message}", offset=offset)
    return found("trailing-data", f"{rest} bytes after the end of the JSON text", offset=offset, size=rest)


def _too_deep() -> Finding:
    message = f"lists and objects lie in each other more than {DEPTH} deep, which is not followed"
    return found("too-large", message, verdict="unverifiable", expected=DEPTH)


def _integer(digits: str) -> int | float:
    """Return an integer, or infinity if it has more than DIGITS digits, as it would in an array of floats."""
    if len(digits) > DIGITS:
        return float(digits)
    return int(digits)


_HOOKS: dict[str, Any] = {"object_pairs_hook": Keyed, "parse_int": _integer, "parse_constant": float}
_SCAN: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(**_HOOKS).scan_once  # type: ignore[attr-defined]


def _converted(value: Any) -> Node:
    """Return the tree with its lists as Items, and ASE's arrays as arrays, without recursion.

    Containers are collected from the outside in, and converted from the inside out.
    """
    order: list[tuple[Any, int]] = [(value, 0)] if type(value) in CONTAINERS else []
    for it, depth in order:  # the list grows during the loop
        if depth >= DEPTH:
            raise _Deep
        inside = it if type(it) is list else [child for _, child in it.pairs]
        if not CONTAINERS.isdisjoint(map(type, inside)):
            order += [(child, depth + 1) for child in inside if type(child) in CONTAINERS]
    for it, _ in reversed(order):
        if type(it) is list:
            if not CONTAINERS.isdisjoint(map(type, it)):
                it[:] = [_node(child) for child in it]
        else:
            it.pairs = [(key, _node(child)) for key, child in it.pairs]
    return _node(value)


def _node(value: Any) -> Node:
    """Return the tree node of a value whose contents are already converted."""
    if type(value) is list:
        return Items(value)
    part: Node = _object(value) if type(value) is Keyed and len(value.pairs) == 1 else value
    return part


def _object(it: Keyed) -> Node:
    """Return the array that an object represents if it is one of ASE's, else the object."""
    ((name, value),) = it.pairs
    if name != ASE or not isinstance(value, Items) or len(value.items) != 3:
        return it
    shape, name, flat = value.items
    sizes = sizes_of(shape)
    dtype = _dtype(name) if isinstance(name, str) else None
    values = flat_numbers(flat)
    if sizes is None or dtype is None or values is None:
        return it
    return _reshaped(values, sizes, dtype)


def _reshaped(values: NDArray[Any], shape: list[int], dtype: Any) -> Node:
    import numpy as np

    count = prod(shape)
    stored = len(values) // 2 if dtype.kind == "c" else len(values)
    if stored != count:
        shown = " x ".join(map(str, shape)) or "one"
        message = f"an array of {shown} {dtype} is stored with {stored} values"
        return Flawed("size-mismatch", message)
    with np.errstate(all="ignore"):
        if dtype.kind == "c":
            return values.astype(np.float64).view(np.complex128).reshape(shape)
        exact = dtype.kind in "iu" and values.dtype.kind == "f"
        return (values if exact else values.astype(dtype)).reshape(shape)


@lru_cache(maxsize=64)
def _dtype(name: str) -> Any:
    """Return the numeric dtype of this name, or None for any other name."""
    import numpy as np

    names = {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
    names |= {"bool", "float16", "float32", "float64", "complex64", "complex128"}
    return np.dtype(name) if name in names else None


class JsonDecoder(ContainerDecoder):
    """Decodes JSON texts: objects and lists, NaN and Infinity, ASE's arrays, and lines of JSON."""

    name = "json"

    def knows(self, value: Value) -> bool:
        return is_json(value)

    def parse(self, value: Value) -> Parsed:
        return parse_json(value)

    def classes(self, value: Value) -> frozenset[str]:
        """Return no names: JSON has no classes."""
        return frozenset()

    def decode_together(
        self, read: Callable[[Value], Reading], block: Block, rows: Sequence[int], profile: FamilyProfile | None
    ) -> tuple[Sequence[Batch], Sequence[int]]:
        from datacheck.decoders.trees.json_alike import decode_alike

        return decode_alike(read, block, rows, profile)
