"""Find numbers that are not finite in texts of data: Python literals, YAML and XML.

Such texts lie beside pictures and in stores of nothing but texts. They are not decoded: only what is certainly a number
by the text's own syntax counts, and most texts are ruled out by how they begin.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from typing import NamedTuple

from datacheck.decoders.trees.paths import ROOT, child_path, spelled
from datacheck.model.finding import Finding, found

LARGEST = 1 << 16
"""Maximum length of a literal in characters; longer ones are not parsed."""
NAMES = {"nan": "nan", "NaN": "nan", "inf": "inf", "Infinity": "inf", "NAN": "nan", "Inf": "inf"}
"""What Python's `str` and NumPy write for numbers that are not finite, and what others write."""
CODES = {"nan": "NaN", "inf": "infinite"}
MAY_BE_FLAWED = re.compile(
    r"^[ \t]*(?:array\(|tensor\()?[{\[(][^\n]*(?<![\w.'\"])[-+]?(?:nan|inf|NaN|Infinity)(?![\w'\"])"
    r"|[:\[{,-] +[-+]?\.(?:nan|NaN|NAN|inf|Inf|INF)\b|[\[{][-+]?\.(?:nan|NaN|NAN|inf|Inf|INF)\b"
    r"|>\s*[-+]?(?i:nan|inf|infinity)\s*</",
    re.MULTILINE,
)
"""Matches, in texts joined by line ends, if any of them may be data with a number that is not finite."""
_YAML_NUMBER = re.compile(r"(?:^|[:\[{,-] +|[\[{])([-+]?)\.(nan|NaN|NAN|inf|Inf|INF)(?=\s*(?:[,\]}#]|$))", re.MULTILINE)
_YAML_LINE = re.compile(r"(?:-(?: .*)?|---.*|#.*|(?:[^\s:#\[{'\"-][^:#]*|\"[^\"]*\"|'[^']*'):(?: .*)?)?")
"""Matches a line of YAML without its indentation: an item, a key, a comment or nothing."""
_YAML_FLOW = re.compile(r"\s*(?:\{.*\}|\[.*\])\s*", re.DOTALL)
_XML_NUMBER = re.compile(r"<([A-Za-z_][\w.:-]*)[^<>]*>\s*[-+]?((?i:nan|inf|infinity))\s*</")
_HTML = re.compile(r"[abipus]|em|li|t[dh]|div|su[bp]|pre|span|code|strong|h[1-6]")
"""Elements of texts and tables, which may hold any word."""
_NUMBER = r"[-+]?(?:nan|inf|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
_PRINTED = re.compile(rf"\[[\[\s]*{_NUMBER}(?:[\s\[\]]+{_NUMBER})*[\]\s]*\]")
_ITEM = re.compile(r"[^\s\[\]]+")
_LITERALS = ("{", "[", "(", "array(", "tensor(")


class _Hit(NamedTuple):
    path: str
    code: str


def data_finding(text: str) -> Finding | None:
    """Return the finding for a text of data if one of its numbers is not finite, or None for any other text.

    >>> data_finding("{'x': [0.5, nan]}").message
    'the value at x[1] is NaN'
    >>> data_finding("x: .inf\\nname: cat").message
    'the value in line 1 is infinite'
    """
    if MAY_BE_FLAWED.search(text) is None:
        return None
    return _in_literal(text) or _in_printed_array(text) or _in_yaml(text) or _in_xml(text)


def _in_literal(text: str) -> Finding | None:
    """Return the finding for a Python literal, with the calls that `repr` writes, such as array([1., nan])."""
    start = text.strip()
    if len(start) > LARGEST or not start.startswith(_LITERALS):
        return None
    try:
        with warnings.catch_warnings():  # about escapes and the like
            warnings.simplefilter("ignore")
            tree = ast.parse(start, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if not isinstance(tree, ast.Dict | ast.List | ast.Tuple | ast.Call):
        return None
    hits = _hits(tree)
    if not hits:
        return None
    path, code = hits[0]
    return found(code, f"the value at {path or ROOT} is {CODES[code]}", count=len(hits))


def _hits(tree: ast.expr) -> list[_Hit]:
    """Return the numbers in a literal that are not finite, in order; none if it is no literal."""
    hits: list[_Hit] = []
    pending: list[tuple[str, ast.expr | None]] = [("", tree)]
    while pending:
        path, node = pending.pop()
        match node:
            case ast.Constant():
                pass
            case ast.Name(id=name) if name in NAMES:
                hits.append(_Hit(path, NAMES[name]))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                pending.append((path, operand))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):  # a complex number
                pending += [(path, right), (path, left)]
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                interval = len(items) == 2  # such as (-inf, 5)
                places = reversed([*enumerate(items)])
                pending += [(f"{path}[{at}]", it) for at, it in places if not (interval and _is_bound(it))]
            case ast.Dict(keys=keys, values=values):
                pending += [
                    (child_path(path, _key(key)), it) for key, it in reversed([*zip(keys, values, strict=True)])
                ]
            case ast.Call(func=ast.Name() | ast.Attribute(), args=arguments):
                pending += [(path, it) for it in reversed(arguments)]
            case _:
                return []
    return hits


def _is_bound(node: ast.expr) -> bool:
    """Check whether this is an infinite number, which is sound as the bound of an interval."""
    number = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(number, ast.Name) and NAMES.get(number.id) == "inf"


def _key(key: ast.expr | None) -> str:
    if isinstance(key, ast.Constant) and isinstance(key.value, str | bytes | int | float):
        return spelled(key.value)
    return "?" if key is None else spelled(ast.unparse(key))


def _in_printed_array(text: str) -> Finding | None:
    """Return the finding for an array of numbers that NumPy printed, which is no literal: there are no commas."""
    start = text.strip()
    if start[:1] != "[" or start[-1:] != "]" or not _PRINTED.fullmatch(start):
        return None
    numbers = [float(it) for it in _ITEM.findall(start)]
    at = next((at for at, it in enumerate(numbers) if not math.isfinite(it)), None)
    if at is None or not any(map(math.isfinite, numbers)):
        return None
    code = "nan" if math.isnan(numbers[at]) else "inf"
    message = f"the first of {len(numbers)} numbers that is {CODES[code]} is at [{at}]"
    return found(code, message, first=[at])


def _in_yaml(text: str) -> Finding | None:
    """Return the finding for YAML, whose numbers are spelled .nan and .inf."""
    number = _YAML_NUMBER.search(text)
    if number is None:
        return None
    if not _YAML_FLOW.fullmatch(text) and not all(_YAML_LINE.fullmatch(it.strip()) for it in text.splitlines()):
        return None
    code = number[2].lower()
    line = text.count("\n", 0, number.start(2)) + 1
    return found(code, f"the value in line {line} is {CODES[code]}", offset=len(text[: number.start(2) - 1].encode()))


def _in_xml(text: str) -> Finding | None:
    """Return the finding for XML with an element that is nothing but NaN or infinity; it may be a name."""
    if text.lstrip()[:1] != "<":
        return None
    element = next((it for it in _XML_NUMBER.finditer(text) if not _HTML.fullmatch(it[1].lower())), None)
    if element is None:
        return None
    code = "nan" if element[2].lower() == "nan" else "inf"
    message = f"the element {element[1]} holds {element[2]}, which is no finite number"
    return found(code, message, verdict="suspicious", offset=len(text[: element.start(2)].encode()))
