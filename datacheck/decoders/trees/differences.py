"""Find what a record lacks that nearly all others of its family have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from datacheck.decoders.interface import Field
from datacheck.decoders.trees.leaves import Leaves
from datacheck.decoders.trees.paths import PAIRED, ROOT, is_label
from datacheck.model.finding import Finding, found
from datacheck.model.profile import NEARLY_ALL, FamilyProfile, FieldProfile

SAID = 8
"""Maximum number of missing parts listed per record; the rest are counted."""
APART = frozenset({"list", "array", "other"})
"""Formats that are one field in some records and several in others: lists whose items are alike or not, and objects."""
HOLED = frozenset({"list", "array"})
"""Formats of lists of numbers that may contain None: JSON writers turn NaN into null."""
GONE = "it is not there, nearly all others have it"
NAMED = 4
"""Maximum number of names in one message."""
_BORDER = re.compile(r"(?=[/\[])")
_last: list[tuple[FamilyProfile, dict[str, FieldProfile]]] = []
"""The most recently used profile with its result, since all records of a block share a profile."""


def usual(profile: FamilyProfile) -> dict[str, FieldProfile]:
    """Return the fields that nearly all records of a family have."""
    if _last and _last[0][0] is profile:
        return _last[0][1]
    made = {name: it for name, it in profile.fields.items() if it.share >= NEARLY_ALL}
    _last[:] = [(profile, made)]
    return made


def lacking(
    fields: Sequence[Field], walked: Leaves, expected: Mapping[str, FieldProfile], *, none: bool
) -> tuple[Sequence[str], list[Finding]]:
    """Return the labels that a record lacks, and findings about other missing parts; `none` if the record is None."""
    present = {field.name for field in fields}
    present.update(leaf.path for leaf in walked.leaves)
    missing = expected.keys() - present
    if missing:
        missing -= set(walked.again)
    if not missing or any(it.code == "too-large" for it in walked.findings):
        return (), []
    names = _listed(sorted(expected))
    if none:
        return (), [found("undecodable", f"None, nearly all others hold {names}", field=ROOT)]
    present.update(walked.again)
    if not present:
        return (), [found("fields", f"nothing is in it, nearly all others hold {names}", field=ROOT)]
    lists = {field.name for field in fields if field.format in ("list", "array") and field.values.size}
    beginnings = {start for path in present for start in _beginnings(path)}
    gone: dict[str, None] = {}
    labels: list[str] = []
    said: list[Finding] = []
    for path in sorted(missing):
        ways = _beginnings(path)
        if path in beginnings:
            form = expected[path].format
            keyed = form != "other" and any(it.startswith(f"{path}/") for it in present)
            hole = next((it for it in walked.nothing if form in HOLED and it.startswith(f"{path}[")), None)
            if hole is not None:
                said.append(found("fields", f"{hole} is None, nearly all others have numbers only", field=path))
            elif form and (form not in APART or keyed):
                said.append(found("fields", f"it has parts of its own, nearly all others are {form}", field=path))
            continue
        if any(start in lists and path[len(start) :][:1] == "[" for start in ways[:-1]):
            continue  # it is there in another form: inside a list that is one field here
        if is_label(path) or _is_of_pair(path, expected):
            labels.append(path)
        else:
            gone.setdefault(next(start for start in ways if start not in beginnings))
    said = said[:SAID]
    said += [found("fields", GONE, field=path) for path in [*gone][:SAID]]
    if len(gone) > SAID:
        rest = [*gone][SAID:]
        said.append(found("fields", f"{_listed(rest)} are not there either", field=rest[0], count=len(rest)))
    return labels, said


def _is_of_pair(path: str, expected: Mapping[str, FieldProfile]) -> bool:
    """Say whether a path is that of the integer of a pair of an array, or a picture, and an integer."""
    others = [it for name, it in expected.items() if name != path and name.startswith("[0]")]
    if path not in PAIRED or len(others) + 1 < len(expected) or not others:
        return False
    number = expected[path].format == "number" and expected[path].dtype.startswith(("int", "uint"))
    return number and all(it.format not in ("number", "text", "other", "") for it in others)


def _beginnings(path: str) -> list[str]:
    """Return the paths of all containers of a part, the outermost first, and the part's own path.

    >>> _beginnings("obs/rgb[0]")
    ['obs', 'obs/rgb', 'obs/rgb[0]']
    """
    made, at = [], 0
    for piece in _BORDER.split(path):
        at += len(piece)
        if at:
            made.append(path[:at])
    return made


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
