"""Parse the options about payloads: decoders and raw arrays, of all values or of single families of keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from datacheck.errors import UsageError
from datacheck.model.forced import is_raw
from datacheck.model.nearest import nearest, suggestion
from datacheck.model.settings import Array
from datacheck.scanning.settings import spelling

OfFamilies = str | Mapping[str | None, str] | Sequence[str]
"""The value of an option by family.

It is one value for all families, a mapping with None for all others, or "[FAMILY=]VALUE" as on the command line.
"""
DTYPES = {
    **{f"{kind}{size}": f"{kind}{size}" for kind, size in ("f2", "f4", "f8", "c8")},
    **{f"{kind}{size}": f"{kind}{size}" for kind in "iu" for size in "1248"},
    **{f"float{bits}": f"f{bits // 8}" for bits in (16, 32, 64)},
    **{f"{word}int{bits}": f"{word or 'i'}{bits // 8}" for word in ("", "u") for bits in (8, 16, 32, 64)},
    "c16": "c16",
    "complex64": "c8",
    "complex128": "c16",
    "b1": "b1",
    "bool": "b1",
    "bf16": "bf16",
    "bfloat16": "bf16",
}
"""The accepted names of dtypes, each with its short name."""
SHORT = tuple(dict.fromkeys(DTYPES.values()))
MOST_AXES = 32
LARGEST_BYTES = 1 << 62
_ARRAY = re.compile(r"([<>|]?)([A-Za-z]+[0-9]*)(?::([0-9]+(?: *, *[0-9]+)*))?")
_FORM = "[FAMILY=]DTYPE[:SHAPE], as in f4:3,64,64"


def decoders(value: Any) -> dict[str | None, str]:
    """Return the decoders by family, under None that of all other families.

    Raises UsageError for a decoder that does not exist.
    """
    from datacheck.decoders import DECODERS, is_decoder

    result: dict[str | None, str] = {}
    for family, name in _by_family("decoder", value):
        if not is_decoder(name):
            raise UsageError(f"no decoder is called {name!r}; {suggestion(name, DECODERS)}")
        _add_once("decoder", result, family, name)
    return result


def arrays(value: Any) -> tuple[Array, ...]:
    """Return the arrays that values are. Raises UsageError for a description of another form."""
    result: dict[str | None, Array] = {}
    for family, text in _by_family("array", value):
        _add_once("array", result, family, _array(family, text))
    return tuple(result.values())


def agree(named: Mapping[str | None, str], given: Sequence[Array]) -> None:
    """Raise UsageError if a decoder and an array are given for the same values and contradict each other."""
    families = {array.family for array in given}
    for family, name in named.items():
        of_family = "" if family is None else f" of {family!r}"
        if family in families and not is_raw(name):
            raise UsageError(
                f"the values{of_family} cannot be both raw arrays and {name}; give --array or --decoder for them"
            )
        if is_raw(name) and not families & {family, None}:
            raise UsageError(
                f"the decoder {name}{of_family} has to know what the arrays are; say it with --array {_FORM}"
            )


def _array(family: str | None, text: str) -> Array:
    match = _ARRAY.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"array is {spelling.quoted(text)}; it must be of the form {_FORM}")
    order, name, sizes = match.groups()
    if name not in DTYPES:
        raise UsageError(f"no dtype is called {name!r}; {suggestion(name, SHORT)}{_long(name)}")
    dtype = DTYPES[name]
    if order == ">" and dtype == "bf16":
        raise UsageError("array is >bf16; bf16 is read in the order of little-endian machines only")
    dtype = f">{dtype}" if order == ">" and dtype[1:] != "1" else dtype
    if sizes is None:
        return Array(dtype, None, family)
    shape = tuple(map(int, sizes.split(",")))
    if min(shape) < 1 or len(shape) > MOST_AXES or prod(shape) > LARGEST_BYTES:
        raise UsageError(f"the shape {sizes} must have at most {MOST_AXES} sizes, of at least 1 each")
    return Array(dtype, shape, family)


def _long(name: str) -> str:
    """Return the end of a message about an unknown dtype, if its name resembles a long name; otherwise ""."""
    close = nearest(name, DTYPES)
    return f"; did you mean {close!r}?" if close is not None and close not in SHORT else ""


def _add_once(option: str, given: dict[str | None, Any], family: str | None, value: Any) -> None:
    """Add the value for a family. Raises UsageError if another value was given for it before."""
    if given.setdefault(family, value) != value:
        values = "all values" if family is None else repr(family)
        raise UsageError(f"--{option} is given twice for {values}; give it once for each family")


def _by_family(option: str, value: Any) -> Iterator[tuple[str | None, str]]:
    """Yield each family with its value of an option, under None the value for all others."""
    if value is None:
        return
    if isinstance(value, Mapping):
        for family, text in value.items():
            name = None if family is None else spelling.field(f"a family of {option}", family)
            yield name, spelling.text(f"{option} of {name}", text)
        return
    for it in spelling.fields(option, value):
        family, equals, text = it.rpartition("=")
        if equals and not family:
            raise UsageError(f"{option} is {spelling.quoted(it)}; it names no family before the equals sign")
        yield family or None, text
