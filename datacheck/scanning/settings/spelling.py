"""Convert the values of options from the forms that callers use: texts as on the command line, NumPy numbers, paths."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, SupportsFloat, TypeVar

from datacheck.errors import UsageError
from datacheck.files.regular import url_scheme
from datacheck.model.escaping import plain
from datacheck.model.settings import Pair

T = TypeVar("T")
QUOTED = 80
"""Maximum number of characters of a value that a message quotes."""


def quoted(value: object) -> str:
    """Return a value as quoted in a message, even if its repr raises."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  (a caller's own class)
        text = f"a {type(value).__name__}"
    return plain(text if len(text) <= QUOTED else f"{text[: QUOTED - 3]}...")


def integer(what: str, value: Any) -> int:
    """Return an integer from a number of any type. Raises UsageError if the value is not an integer."""
    try:
        if isinstance(value, bool):
            raise TypeError  # noqa: TRY301  (as for all that is no number)
        return int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except (AttributeError, TypeError, ValueError, OverflowError) as exc:
        raise UsageError(f"{what} is {quoted(value)}; it must be a whole number") from exc


def number(what: str, value: Any) -> float:
    """Return a float from a number of any type. Raises UsageError if the value is not a number."""
    try:
        if isinstance(value, bool | str | bytes) or not isinstance(value, SupportsFloat):
            raise TypeError  # noqa: TRY301  (as for all that is no number)
        return float(value)
    except (TypeError, ValueError, OverflowError) as exc:
        raise UsageError(f"{what} is {quoted(value)}; it must be a number") from exc


def boolean(what: str, value: Any) -> bool:
    """Return a bool from a Python or NumPy truth value. Raises UsageError for any other value."""
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise UsageError(f"{what} is {quoted(value)}; it must be True or False")


def text(what: str, value: Any) -> str:
    """Return a name, which may be given as a path or as bytes. Raises UsageError for any other value."""
    if isinstance(value, str | bytes | os.PathLike):
        return os.fsdecode(value)
    raise UsageError(f"{what} is {quoted(value)}; it must be a name")


def field(what: str, value: Any) -> str:
    """Return the name of a field as UTF-8, however the locale has decoded its bytes.

    Raises UsageError if the value is not a name.
    """
    return text(what, value).encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def fields(what: str, value: Any) -> tuple[str, ...]:
    """Return the names of several fields; a single one may be given without a list."""
    return tuple(field(what, it) for it in names(what, value))


def path(what: str, value: Any) -> Path:
    """Return a path. Raises UsageError if the value is not a path, is empty, or is a URL."""
    if isinstance(value, str | bytes | os.PathLike):
        if not os.fspath(value):  # an unset shell variable gives an empty path, which does not mean the current folder
            raise UsageError(f"{what}: the name is empty")
        if url_scheme(os.fsdecode(value)) is not None:
            raise UsageError(f"{what}: {os.fsdecode(value)} is a URL; name a path on this machine")
        return value if isinstance(value, Path) else Path(os.fsdecode(value))
    raise UsageError(f"{what} is {quoted(value)}; it must be a path")


def names(what: str, value: Any) -> tuple[str, ...]:
    """Return several names; a single one may be given without a list. Raises UsageError for any other value."""
    if isinstance(value, str | bytes | os.PathLike):
        return (text(what, value),)
    return tuple(text(what, it) for it in items(what, value, "a name, or a list of names"))


def items(what: str, value: Any, wanted: str) -> Iterable[Any]:
    """Return a value that can be iterated. Raises UsageError if it cannot."""
    if isinstance(value, Iterable):
        return value
    raise UsageError(f"{what} is {quoted(value)}; it must be {wanted}")


def groups(value: Any) -> tuple[tuple[str, ...], ...]:
    """Return groups of names from "A,B", or from a list of such texts or of lists of names."""
    what = "together"
    if isinstance(value, str | bytes):
        value = [value]
    result = []
    for group in items(what, value, "a list of groups of datasets, as in [('data', 'label')]"):
        whole_group = fields(what, group)
        result.append(tuple(whole_group[0].split(",")) if isinstance(group, str | bytes) else whole_group)
    return tuple(result)


def pair(what: str, value: Any) -> Pair:
    """Return a least and a greatest value from "LO:HI", or from two numbers, either of which may be None."""
    if isinstance(value, str | bytes):
        low, colon, high = os.fsdecode(value).partition(":")
        try:
            if colon:
                return (float(low) if low.strip() else None, float(high) if high.strip() else None)
        except ValueError:
            pass
        raise UsageError(f"{what} is {quoted(value)}; it must be of the form LO:HI")
    wanted = "a pair of numbers, as in (0, 255); None is no bound"
    ends = list(items(what, value, wanted)) if not isinstance(value, Mapping) else []
    if len(ends) != 2:
        raise UsageError(f"{what} is {quoted(value)}; it must be {wanted}")
    low_end, high_end = (None if end is None else number(f"a bound of {what}", end) for end in ends)
    return low_end, high_end


def ranges(value: Any) -> dict[str | None, Pair]:
    """Return bounds by field from a mapping, "[FIELD=]LO:HI", a list of such texts, or one pair for all fields."""
    if isinstance(value, Mapping):
        return {
            None if name is None else field("a field of range", name): pair("range", it) for name, it in value.items()
        }
    if isinstance(value, str | bytes):
        value = [value]
    listed = list(items("range", value, "a pair of numbers, as in (0, 255)"))
    if listed and all(isinstance(it, str | bytes) and ":" in os.fsdecode(it) for it in listed):
        parted = (os.fsdecode(it).rpartition("=") for it in listed)
        return {field("range", name) or None: pair("range", bounds) for name, _, bounds in parted}
    return {None: pair("range", listed)}


def labels(value: Any) -> int | Pair:
    """Return a number of classes or bounds from numbers, or from texts as on the command line."""
    if isinstance(value, str | bytes):
        spelled = os.fsdecode(value)
        if ":" in spelled:
            return pair("labels", spelled)
        try:
            return int(spelled)
        except ValueError as exc:
            raise UsageError(f"labels is {quoted(value)}; it must be of the form N or LO:HI") from exc
    if isinstance(value, Iterable):
        return pair("labels", value)
    return integer("labels", value)


def sizes(value: Any) -> tuple[int, ...]:
    """Return a shape from integers or from "C,H,W"."""
    if isinstance(value, str | bytes):
        try:
            return tuple(int(size) for size in os.fsdecode(value).split(","))
        except ValueError as exc:
            raise UsageError(f"shape is {quoted(value)}; it must be of the form C,H,W") from exc
    return tuple(
        integer("a size of shape", size) for size in items("shape", value, "a list of sizes, as in (3, 64, 64)")
    )


def validators_of(value: Any) -> tuple[Callable[..., Any], ...]:
    """Return the validators of a caller; a single one needs no list. Raises UsageError if one cannot be called."""
    result = (value,) if callable(value) else tuple(items("validators", value, "a list of validators"))
    for it in result:
        if not callable(it):
            raise UsageError(f"validators has {quoted(it)} in it; each must be called with a Batch")
    return result
