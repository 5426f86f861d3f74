"""Find the value in a prototxt that protobuf rejects.

The library only reports the line; this module adds the field and the values that it accepts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from datacheck.caffe.schema import FORKS_FROM, Field, enums, messages
from datacheck.caffe.syntax import Node

_INTEGER = re.compile(r"-?(0[xX][0-9a-fA-F]+|[0-9]+)$")
_FLOAT = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fF]?$")
BOOLEANS = ("true", "false", "True", "False", "t", "f", "1", "0")
BITS = {"int32": (-(1 << 31), 1 << 31), "uint32": (0, 1 << 32), "int64": (-(1 << 63), 1 << 63)}
"""The integer types of the schema, each with its least value and the first value that is too large."""
MOST_VALUES = 12


def fault_of(fields: Sequence[Node], owner: str, line: int | None) -> tuple[int, str] | None:
    """Return the line and fault of the first field that protobuf rejects, or None if no fault is found.

    `line` is where the library stopped (None: unknown); a fault there takes precedence over faults on other lines.
    """
    faults = list(_faults(fields, owner))
    return next((it for it in faults if it[0] == line), faults[0] if faults else None)


def _faults(fields: Sequence[Node], owner: str) -> Iterator[tuple[int, str]]:
    known, counts = messages()[owner], Counter[str]()
    for node in fields:
        field = known.get(node.name)
        if field is None:
            continue
        counts[node.name] += 1
        if not field.repeated and counts[node.name] == 2:
            yield node.line, f"{node.name} is given twice, and {owner} takes it once"
        if field.type in messages():
            if node.fields is None:
                yield node.line, f"{node.name} takes fields in braces, not {_shortened(node.value)}"
            else:
                yield from _faults(node.fields, field.type)
        elif node.fields is not None:
            yield node.line, f"{node.name} takes {_accepted_values(field)}, not fields in braces"
        elif not _is_valid(field, node.value):
            yield node.line, f"{node.name} takes {_accepted_values(field)}, not {_shortened(node.value)}"


def _is_valid(field: Field, value: str) -> bool:
    if field.type in enums():
        known = enums()[field.type]
        return value in known or (_INTEGER.match(value) is not None and _integer(value) in known.values())
    if field.type == "string":
        return value[:1] in ("'", '"')
    if field.type == "bool":
        return value in BOOLEANS
    if field.type in BITS:
        low, end = BITS[field.type]
        return _INTEGER.match(value) is not None and low <= _integer(value) < end
    word = value.lstrip("-").lower()
    return word in ("inf", "infinity", "inff", "nan", "nanf") or _FLOAT.match(value) is not None


def _integer(value: str) -> int:
    digits = value.lstrip("-")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" and digits.isdigit() and len(digits) > 1 else 10
    try:
        return -int(digits, base) if value[0] == "-" else int(digits, base)
    except ValueError:  # an octal number with the digit 8 or 9
        return -(1 << 64)


def _accepted_values(field: Field) -> str:
    """Return a clause that describes the values a field accepts."""
    if field.type in enums():
        names = [name for name, number in enums()[field.type].items() if number < FORKS_FROM]
        more = "" if len(names) <= MOST_VALUES else ", ..."
        return f"one of {', '.join(names[:MOST_VALUES])}{more}"
    descriptions = {"string": "a text in quotes", "bool": "true or false", "float": "a number", "double": "a number"}
    if field.type in BITS:
        return "a whole number from 0 on" if field.type == "uint32" else "a whole number"
    return descriptions.get(field.type, field.type)


def _shortened(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:40]}..."
