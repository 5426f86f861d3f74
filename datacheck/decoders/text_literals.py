"""Find numbers that are not finite in texts of data: Python literals, YAML and XML.

Such texts lie beside pictures and in stores of nothing but texts. They are not decoded: only what is certainly a number
by the text's own syntax counts, and most texts are ruled out by how they begin. Among captions, code or answers such a
text may be what was meant, so that the finding is bad only where nearly all texts are data.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from typing import NamedTuple

import msgspec

from datacheck.decoders.trees.paths import ROOT, child_path, spelled
from datacheck.lazy_re import compiled_later
from datacheck.model.finding import Finding, found

LARGEST = 1 << 16
"""Maximum length of a literal in characters; longer ones are not parsed."""
NAMES = {"nan": "nan", "NaN": "nan", "inf": "inf", "Infinity": "inf", "NAN": "nan", "Inf": "inf"}
"""What Python's `str` and NumPy write for numbers that are not finite, and what others write."""
CODES = {"nan": "NaN", "inf": "infinite"}
MAY_BE_FLAWED = compiled_later(
    r"^[ \t]*(?:array\(|tensor\()?[{\[(][^\n]*(?<![\w.'\"])[-+]?(?:nan|inf|NaN|Infinity)(?![\w'\"])"
    r"|[:\[{,-] +[-+]?\.(?:nan|NaN|NAN|inf|Inf|INF)\b|[\[{][-+]?\.(?:nan|NaN|NAN|inf|Inf|INF)\b"
    r"|>\s*[-+]?(?i:nan|inf|infinity)\s*</",
    re.MULTILINE,
)
"""Matches, in texts joined by line ends, if any of them may be data with a number that is not finite."""
CALLS = frozenset({"array", "tensor", "masked_array", "float16", "float32", "float64", "Tensor", "Array"})
"""Functions that `repr` of an array, a tensor or their numbers calls."""
_YAML_VALUE = compiled_later(r"\s*(?:- +|[\w.-]+: +|[\"'][^\"'\n]*[\"']: +)+(.*)")
"""Matches a line with the value of an item or of a key, which has no spaces if it is not quoted."""
_YAML_PART = compiled_later(r"([^\s,:\[\]{}]+)(:?)")
"""Matches a value among brackets, a word of one, or a key and its colon."""
_YAML_NUMBER = compiled_later(r"[-+]?\.(nan|NaN|NAN|inf|Inf|INF)")
_FINITE = compiled_later(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_ENDING = compiled_later(r"\.[A-Za-z]\w*")
"""Matches the ending of a file's name, as .inf is."""
_YAML_LINE = compiled_later(r"(?:-(?: .*)?|---.*|#.*|(?:[^\s:#\[{'\"-][^:#]*|\"[^\"]*\"|'[^']*'):(?: .*)?)?")
"""Matches a line of YAML without its indentation: an item, a key, a comment or nothing."""
_YAML_FLOW = compiled_later(r"\s*(?:\{.*\}|\[.*\])\s*", re.DOTALL)
_XML_VALUE = compiled_later(r"<([A-Za-z_][\w.:-]*)(?:\s[^<>]*)?>\s*([^<>\s]+)\s*</")
_XML_WORD = compiled_later(r"[-+]?(?:nan|NaN|NAN|inf|Inf|INF|[Ii]nfinity)")
_XML_TEXT = compiled_later(
    r"name|lang(?:uage)?|w(?:ord)?|form|title|author|user|text|token|t[dh]|li|p|b|i|span", re.IGNORECASE
)
"""Matches the names of elements that may hold any word."""
_NUMBER = rf"(?:[-+]?(?:nan|inf)|{_FINITE.pattern})"
_PRINTED = compiled_later(rf"\[[\[\s]*{_NUMBER}(?:[\s\[\]]+{_NUMBER})*+[\]\s]*\]")
_ITEM = compiled_later(r"[^\s\[\]]+")
_LITERALS = ("{", "[", "(", "array(", "tensor(")


class _Hit(NamedTuple):
    path: str
    code: str


def data_finding(text: str, *, among_data: bool = False) -> Finding | None:
    """Return the finding for a text of data if one of its numbers is not finite, or None for any other text.

    It is suspicious, and bad only if nearly all texts beside it are data (`among_data`).

    >>> data_finding("{'x': [0.5, nan]}").message
    'the value at x[1] is NaN'
    >>> data_finding("x: .nan\\nsize: 3").message
    'the value in line 1 is NaN'
    """
    if MAY_BE_FLAWED.search(text) is None:
        return None
    finding = _in_literal(text) or _in_printed_array(text) or _in_yaml(text, bounds=not among_data)
    if finding is None:
        return _in_xml(text)
    return finding if among_data else msgspec.structs.replace(finding, verdict="suspicious")


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
    """Return the numbers in a literal that are not finite, in order.

    There are none if it is no literal, or if nothing but them is in it: [nan] and (NaN, Inf) may be words.
    """
    hits: list[_Hit] = []
    sure = False
    pending: list[tuple[str, ast.expr | None]] = [("", tree)]
    while pending:
        path, node = pending.pop()
        match node:
            case ast.Constant():
                sure = True
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
            case ast.Dict(keys=keys, values=values) if all(isinstance(it, ast.Constant | ast.Tuple) for it in keys):
                sure = True
                pending += [
                    (child_path(path, _key(key)), it) for key, it in reversed([*zip(keys, values, strict=True)])
                ]
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments) if name in CALLS:
                sure = True
                pending += [(path, it) for it in reversed(arguments)]
            case _:
                return []
    return hits if sure else []


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


def _in_yaml(text: str, *, bounds: bool) -> Finding | None:
    """Return the finding for YAML, whose numbers are spelled .nan and .inf, or None if those may be endings of files.

    They may be unless a finite number is there too, and no ending. If `bounds` are expected, as in configurations,
    infinity is sound.
    """
    flow = _YAML_FLOW.fullmatch(text) is not None
    lines = text.splitlines()
    if not flow and not all(_YAML_LINE.fullmatch(it.strip()) for it in lines):
        return None
    first: tuple[int, str] | None = None
    finite = False
    for number, line in enumerate(lines, 1):
        value = line if flow else match[1].strip() if (match := _YAML_VALUE.fullmatch(line)) is not None else ""
        value = value.partition(" #")[0].rstrip()
        several = flow or value.startswith(("[", "{"))
        parts = [part for part, colon in _YAML_PART.findall(value) if not colon] if several else [value]
        for part in parts:
            word = _YAML_NUMBER.fullmatch(part)
            if word is not None and not (bounds and word[1].lower() == "inf"):
                first = first or (number, word[1].lower())
            elif word is None and _ENDING.fullmatch(part):
                return None
            finite = finite or _FINITE.fullmatch(part) is not None
    if first is None or not finite:
        return None
    at, code = first
    return found(code, f"the value in line {at} is {CODES[code]}", first=[at - 1])


def _in_xml(text: str) -> Finding | None:
    """Return the finding for XML with an element that is nothing but NaN or infinity; it may be a name.

    It counts only if the element before it or the one behind it holds a finite number.
    """
    if text.lstrip()[:1] != "<":
        return None
    before = False
    waiting: re.Match[str] | None = None
    for element in _XML_VALUE.finditer(text):
        finite = _FINITE.fullmatch(element[2]) is not None
        word = _XML_WORD.fullmatch(element[2])
        if waiting is not None and finite:
            return _of_element(waiting)
        waiting = element if word is not None and not _XML_TEXT.fullmatch(element[1]) else None
        if waiting is not None and before:
            return _of_element(waiting)
        before = finite
    return None


def _of_element(element: re.Match[str]) -> Finding:
    code = "nan" if "nan" in element[2].lower() else "inf"
    message = f"the element {element[1]} holds {element[2]}, which is no finite number"
    offset = len(element.string[: element.start(2)].encode("utf-8", "surrogatepass"))
    return found(code, message, verdict="suspicious", offset=offset)
