"""Read values that a project keeps beside its records, and write them in the same serialised form."""

from __future__ import annotations

import json
import re
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, Literal, cast

import msgspec

from datacheck.conventions.values.pickled_keys import pickled_keys
from datacheck.conventions.values.pickled_lists import STOP, pickled_list
from datacheck.conventions.values.printed_values import printed_value
from datacheck.conventions.values.wrappings import WRAPPINGS, unwrapped
from datacheck.decoders.trees.tree import ARRAY, Box, Items, Keyed, Node, Parsed, Run

LARGEST = 1 << 30
"""Maximum number of bytes that a value is inflated to."""
SIZES = range(2, 33)
"""Possible sizes of a whole number, in bytes."""
DEEPEST = 4
"""Maximum depth of nested lists and mappings in a value."""
_META = re.compile(r"\S+ \([0-9]+, ?[0-9]+(, ?[0-9]+)?\) [0-9]+")
_DECIMAL = re.compile(rb"-?[0-9]{1,18}")


class Form(msgspec.Struct, frozen=True):
    """How a value is written. `read` returns None if the bytes have another form; None is never a value."""

    name: str
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]


class Stored(msgspec.Struct, frozen=True):
    """A value in a store, and the name of the form in which it is written.

    If it was read `in_part`, some of it is left out, so that it cannot be written again.
    """

    value: Any
    form: str
    in_part: bool = False

    def written(self, value: Any) -> bytes:
        """Return the bytes of another value in the form of this one."""
        return FORMS[self.form].write(value)


class OtherItems(list[Any]):
    """The items of a tuple, a set or a frozenset, which become one again when they are written."""

    __slots__ = ("kind",)

    def __init__(self, items: Iterable[Any] = (), kind: str = "tuple") -> None:
        super().__init__(items)
        self.kind = kind

    @property
    def original(self) -> tuple[Any, ...] | set[Any] | frozenset[Any]:
        kinds: dict[str, Callable[[Iterable[Any]], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
        return cast("tuple[Any, ...] | set[Any] | frozenset[Any]", kinds[self.kind](map(_with_kinds, self)))


class OtherNames(dict[Any, Any]):
    """A mapping that was not a plain dict, which becomes one of its `kind` again when it is written."""

    __slots__ = ("kind",)

    def __init__(self, pairs: Iterable[tuple[Any, Any]] = (), kind: str = "OrderedDict") -> None:
        super().__init__(pairs)
        self.kind = kind

    @property
    def original(self) -> OrderedDict[Any, Any] | defaultdict[Any, Any]:
        pairs = ((name, _with_kinds(it)) for name, it in self.items())
        if self.kind == "OrderedDict":
            return OrderedDict(pairs)
        factories: dict[str, Callable[[], Any]] = {"list": list, "dict": dict, "set": set, "int": int}
        return defaultdict(factories[self.kind.rpartition(" ")[2]], pairs)


def _with_kinds(value: Any) -> Any:
    """Return a value in which OtherItems and OtherNames are replaced by the types that they stand for."""
    if isinstance(value, (OtherItems, OtherNames)):
        return value.original
    if isinstance(value, dict):
        return {name: _with_kinds(it) for name, it in value.items()}
    return list(map(_with_kinds, value)) if isinstance(value, list) else value


def same_kind(original: Any, items: list[Any]) -> list[Any]:
    """Return items as a list, or as a tuple or set (OtherItems) if `original` is one."""
    return OtherItems(items, original.kind) if isinstance(original, OtherItems) else items


class MetaLine(str):
    """A line of BasicSR's meta_info.txt: a picture's name, height, width and channels, and a compression level."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return self.split(" ", 1)[0]

    @property
    def key(self) -> bytes:
        """The key of the picture: its name without the suffix."""
        return self.name.rsplit(".", 1)[0].encode()

    @property
    def size(self) -> tuple[int, int]:
        """The height and the width of the picture."""
        height, width, *_ = self.split(" (", 1)[1].partition(")")[0].split(",")
        return int(height), int(width)


def key_of(item: str | bytes) -> bytes:
    """Return the key that an item of a list names. A lone surrogate, which JSON may hold, is encoded but in no key."""
    if isinstance(item, MetaLine):
        return item.key
    return item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item


def keys_in(value: Any) -> Iterator[bytes]:
    """Yield the keys in a list, in lists by the name of a set, or in an index; text is encoded as UTF-8."""
    if is_index(value):
        for number in value.values():
            yield b"%d" % number
        return
    for item in chain.from_iterable(value.values()) if isinstance(value, dict) else value:
        yield key_of(item)


def is_key_list(value: Any) -> bool:
    """Return whether a value is a list of keys, or a mapping from the names of sets to lists of keys."""
    lists = list(value.values()) if isinstance(value, dict) else [value]
    return any(lists) and all(
        isinstance(it, list) and all(isinstance(item, (str, bytes)) for item in it) for it in lists
    )


def is_index(value: Any) -> bool:
    """Return whether a value is an index: a mapping from names of records to their numbers, which are their keys."""
    return (
        isinstance(value, dict) and bool(value) and all(type(it) is int and 0 <= it < 1 << 62 for it in value.values())
    )


def stored_count(raw: bytes) -> Stored | None:
    """Return the value of a count as `stored` reads it, or as a whole number of four or eight bytes, or None.

    The byte order is not known. The lesser of the two numbers is taken, since in the other order it is in the millions
    at least. Some programs write a number with as many bytes as it has bits, so other lengths are read if more than
    half of the bits are leading zeros.
    """
    parsed = stored(raw)
    if parsed is not None and parsed.value == b"" and raw:  # 200 in four bytes is also an empty msgpack extension
        parsed = None
    if parsed is None and len(raw) not in (4, 8):
        number = _whole_number(raw) if len(raw) in SIZES else None
        return number if number is not None and 8 * len(raw) > 2 * number.value.bit_length() else None
    if parsed is not None or _may_be_float(raw):
        return parsed
    return _whole_number(raw)


def other_reading(raw: bytes) -> Stored | None:
    """Return what else the value of a count may mean than what `stored_count` returns, or None.

    A single digit is a number in msgpack too, and the bytes of some floats are those of a small whole number.
    """
    if len(raw) == 1 and raw.isdigit():
        return Stored(raw[0], "msgpack")
    return _whole_number(raw) if len(raw) in (4, 8) and stored(raw) is None and _may_be_float(raw) else None


def _whole_number(raw: bytes) -> Stored:
    little, big = int.from_bytes(raw, "little"), int.from_bytes(raw, "big")
    return Stored(min(little, big), f"{'little' if little <= big else 'big'} {len(raw)}")


def _may_be_float(raw: bytes) -> bool:
    """Return whether bytes are a float of everyday size, such as a length in metres; small whole numbers are not."""
    (number,) = struct.unpack("<f" if len(raw) == 4 else "<d", raw)
    return bool(1e-3 <= number <= 1e9)


def stored(raw: bytes) -> Stored | None:
    """Return a value together with its form, or None if it has no known form."""
    wrapper, content = unwrapped(raw, LARGEST) or ("", raw)
    inner = _plainly_stored(content)
    return inner if inner is None or not wrapper else Stored(inner.value, f"{wrapper}+{inner.form}")


def _plainly_stored(raw: bytes) -> Stored | None:
    read = ((form.read(raw), form.name) for form in TRIED)
    return next((Stored(value, name) for value, name in read if value is not None), None)


def _read_decimal(raw: bytes) -> int | None:
    return int(raw) if _DECIMAL.fullmatch(raw) else None


def _decimals_form(between: str) -> Form:
    """Return the form of several numbers with this separator between them."""

    def read(raw: bytes) -> list[int] | None:
        numbers = raw.split(between.encode())
        return list(map(int, numbers)) if len(numbers) > 1 and all(map(_DECIMAL.fullmatch, numbers)) else None

    return Form(f"decimals{between}", read, lambda value: between.join(map(str, value)).encode())


def _texts_form(name: str, between: str, end: str = "") -> Form:
    """Return the form of several texts with this separator between them, and an `end` after the last."""

    def read(raw: bytes) -> list[str] | None:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return None
        if end and not text.endswith(end):
            return None
        items = text.removesuffix(end).split(between)
        return items if len(items) > 1 and all(items) and not any(set("\r\n") & set(it) for it in items) else None

    return Form(name, read, lambda items: (between.join(items) + end).encode())


def _read_tuple(raw: bytes) -> list[int] | None:
    """Return the numbers of a tuple in Python's notation, such as the shape of an array, or None."""
    if raw[:1] != b"(" or raw[-1:] != b")":
        return None
    numbers = raw[1:-1].removesuffix(b",").split(b", ")
    is_tuple = all(map(_DECIMAL.fullmatch, numbers)) and raw.endswith(b",)") == (len(numbers) == 1)
    return list(map(int, numbers)) if is_tuple else None


def _read_printed(raw: bytes) -> Any:
    """Return the value that Python prints as these bytes, or None."""
    value = printed_value(raw)
    return None if value is None else _with_other_items(value)


def _with_other_items(value: Any) -> Any:
    """Return a value in which tuples are replaced by OtherItems."""
    if isinstance(value, dict):
        return {of: _with_other_items(it) for of, it in value.items()}
    if isinstance(value, (list, tuple)):
        items = list(map(_with_other_items, value))
        return OtherItems(items) if isinstance(value, tuple) else items
    return value


def _read_meta(raw: bytes) -> list[MetaLine] | None:
    try:
        lines = raw.decode().splitlines()
    except UnicodeDecodeError:
        return None
    return list(map(MetaLine, lines)) if lines and all(map(_META.fullmatch, lines)) else None


def _read_json(raw: bytes) -> Any:
    """Return the value of JSON in UTF-8, or None. Given bytes, json takes a four-byte 54 for a "6" in UTF-32."""
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _write_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _read_pickle(protocol: int) -> Callable[[bytes], Any]:
    """Return a function that reads pickles of one protocol without unpickling; 0 stands for an unstated protocol."""

    def read(raw: bytes) -> Any:
        declared = raw[1] if raw[:1] == b"\x80" and len(raw) > 1 else 0
        if declared != protocol or raw[-1:] != STOP:
            return None
        keys = pickled_list(raw)
        if keys is not None:
            return keys
        from datacheck.decoders.pickles.decoder import PickleDecoder  # 60 modules, and most values are no pickles

        decoder = PickleDecoder()
        return _plain_or_none(decoder.parse(raw)) if decoder.knows(raw) else None

    return read


def _write_pickle(protocol: int) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        import pickle

        return pickle.dumps(_with_kinds(value), protocol)

    return write


def _read_msgpack(raw: bytes) -> Any:
    if len(raw) > 1 and raw[0] < 0x80:  # a number of one byte and more behind it: text, or the first tag of protobuf
        return None
    import msgspec

    from datacheck.decoders.trees.msgpack import parse_msgpack

    for kind in (list[bytes], list[str]):  # long lists of keys are decoded in one call
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.msgpack.decode(raw, type=kind)
    return _plain_or_none(parse_msgpack(raw))


def _write_msgpack(value: Any) -> bytes:
    import msgspec

    return msgspec.msgpack.encode(value)


def _plain_or_none(parsed: Parsed) -> Any:
    """Return a parsed value as plain Python values, or None if it is damaged or holds anything else."""
    if parsed.findings:
        return None
    try:
        return plain_value(parsed.tree, 0)
    except ValueError:
        return None


def each_item(node: Items, plain: Callable[[Node], Any]) -> list[Any]:
    """Return the items of a list as Python values."""
    from datacheck.decoders.trees.leaves import unboxed

    items: list[Any] = []
    for item in node.items:
        unboxed_item = unboxed(item)
        items += unboxed_item.values.tolist() if isinstance(unboxed_item, Run) else [plain(item)]
    return items


def plain_value(node: Node, depth: int) -> Any:
    """Return the numbers, texts, lists and mappings of a tree as Python values, and None within these.

    Raises ValueError for anything else.
    """
    import numpy as np

    from datacheck.decoders.trees.leaves import unboxed

    if depth and (node is None or (isinstance(node, Box) and node.node is None)):
        return None
    node = unboxed(node)
    if depth > DEEPEST:
        raise ValueError("lists within lists")
    if isinstance(node, Items) and node.kind != ARRAY:
        items = each_item(node, lambda it: plain_value(it, depth + 1))
        return OtherItems(items, node.kind) if node.kind else items
    if isinstance(node, Keyed) and not node.kind and not node.items:
        pairs = [(plain_value(key, depth + 1), plain_value(value, depth + 1)) for key, value in node.pairs]
        if all(isinstance(key, (str, bytes, int)) for key, _ in pairs):
            return OtherNames(pairs, node.mapping) if node.mapping else dict(pairs)
    if isinstance(node, np.ndarray) and node.ndim == 0 and node.dtype.kind in "iu":
        return int(node)
    if isinstance(node, memoryview):
        return bytes(node)
    if isinstance(node, (int, float, str, bytes)):
        return node
    raise ValueError("no value of Python's own")


def _wrapped_form(wrapper: str, form: Form) -> Form:
    """Return the form of compressed values of another form."""
    wrapping = WRAPPINGS[wrapper]

    def read(raw: bytes) -> Any:
        content = wrapping.content(raw, LARGEST) if wrapping.begins(raw) else None
        return None if content is None else form.read(content)

    return Form(f"{wrapper}+{form.name}", read, lambda value: wrapping.wrapped(form.write(value)))


def _binary_form(order: Literal["little", "big"], size: int) -> Form:
    """Return the form of whole numbers of `size` bytes. Any bytes of that size have it: it is tried on counts only."""
    return Form(
        f"{order} {size}",
        lambda raw: int.from_bytes(raw, order) if len(raw) == size else None,
        lambda value: int(value).to_bytes(size, order),
    )


FORMS = {
    form.name: form
    for form in (
        Form("decimal", _read_decimal, lambda value: str(value).encode()),
        *map(_decimals_form, (" ", ",", ", ")),
        Form("tuple", _read_tuple, lambda value: str(tuple(value)).encode()),
        Form("meta-info", _read_meta, lambda lines: "".join(f"{line}\n" for line in lines).encode()),
        Form("json", _read_json, _write_json),
        *(Form(f"pickle {it}", _read_pickle(it), _write_pickle(it)) for it in (2, 3, 4, 5, 0)),
        Form("msgpack", _read_msgpack, _write_msgpack),
        Form("printed", _read_printed, lambda value: repr(_with_kinds(value)).encode()),
    )
}
"""The forms by name, in the order in which they are tried."""
TRIED = tuple(FORMS.values())
FORMS |= {f"{wrapper}+{it.name}": _wrapped_form(wrapper, it) for wrapper in WRAPPINGS for it in TRIED}
TEXTS = (
    *(_texts_form(f"ended lines{name}", end, end) for name, end in (("", "\n"), (" of DOS", "\r\n"))),
    *(_texts_form(name, between) for name, between in (("lines", "\n"), ("commas", ","), ("blanks", " "))),
)
"""The forms of lists of texts. Any text may have them: they are tried only on what may be a list of keys."""
FORMS |= {form.name: form for form in (*TEXTS, *(pickled_keys(FORMS[f"pickle {it}"]) for it in range(2, 6)))}
FORMS |= {f"{order} {size}": _binary_form(order, size) for order in ("little", "big") for size in SIZES}
