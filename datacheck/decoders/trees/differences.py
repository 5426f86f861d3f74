"""Find what a record lacks that nearly all others of its family have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from datacheck.decoders.interface import MISSING_MESSAGE, Field
from datacheck.decoders.trees.leaves import Leaves
from datacheck.decoders.trees.paths import PAIRED, ROOT, is_label
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more
from datacheck.model.profile import NEARLY_ALL, FamilyProfile, FieldProfile

MOST_LISTED = 8
"""Maximum number of missing parts listed per record; the rest are counted."""
APART = frozenset({"list", "array", "other"})
"""Formats that are one field in some records and several in others: lists whose items are alike or not, and objects."""
MAY_HOLD_NONE = frozenset({"list", "array"})
"""Formats of lists of numbers that may contain None: JSON writers turn NaN into null."""
NUMERIC = frozenset({"number", "list", "array"})
OFTEN = 16
"""Minimum number of sampled records with a field that show what is usual there."""
RARELY = 1 / 16
"""Maximum share of the sampled lists that may hold texts among numbers by mistake; more do so on purpose."""
NAMED = 4
"""Maximum number of names in one message."""
_ITEMS = re.compile(r"(?:\[[0-9]+\])+\Z")
_BORDER = re.compile(r"(?=[/\[])")
_last: list[tuple[FamilyProfile, dict[str, FieldProfile]]] = []
"""The most recently used profile with its result, since all records of a block share a profile."""


def usual_fields(profile: FamilyProfile) -> dict[str, FieldProfile]:
    """Return the fields that nearly all records of a family have."""
    if _last and _last[0][0] is profile:
        return _last[0][1]
    result = {name: it for name, it in profile.fields.items() if it.share >= NEARLY_ALL}
    _last[:] = [(profile, result)]
    return result


def texts_among_numbers(
    fields: Sequence[Field], profile: FamilyProfile, expected: Mapping[str, FieldProfile]
) -> Iterator[Finding]:
    """Yield the findings about texts at places that only some records have, and where nearly all of these have numbers.

    Such a place is an optional field, one of an object in a list, or a list whose length varies.
    """
    for field in fields:
        if field.format != "text":
            continue
        own = profile.fields.get(field.name)
        if own is not None and own.format == "text" and own.share * profile.sampled >= OFTEN:
            continue
        path = field.name if own is not None and own.format in NUMERIC else _ITEMS.sub("", field.name)
        usual = profile.fields.get(path)
        if usual is None or usual.format not in NUMERIC or usual.share * profile.sampled < OFTEN:
            continue
        if path in expected and (path == field.name or usual.shape or usual.axes):
            continue  # which is said of it anyway
        if path != field.name and _mixed_share(path, profile) > RARELY * usual.share:
            continue
        what = "text" if path == field.name else f"{field.name} is a text"
        yield found("fields", f"{what}, nearly all others that have it have numbers only", field=path)
        return


def _mixed_share(path: str, profile: FamilyProfile) -> float:
    """Return the share of the sampled records in which the items of a list are not all of one kind."""
    return max((it.share for name, it in profile.fields.items() if name.startswith(f"{path}[")), default=0.0)


def missing_parts(
    fields: Sequence[Field], walked: Leaves, expected: Mapping[str, FieldProfile], *, none: bool
) -> tuple[Sequence[str], list[Finding]]:
    """Return the labels that a record lacks, and findings about other missing parts; `none` if the record is None."""
    present = {field.name for field in fields}
    missing = expected.keys() - present
    if missing:
        present.update(leaf.path for leaf in walked.leaves)
        missing = missing - present - set(walked.again)
    if not missing or any(it.code == "too-large" for it in walked.findings):
        return (), []
    names = names_text(sorted(expected))
    if none:
        return (), [found("undecodable", f"None, nearly all others hold {names}", field=ROOT)]
    present.update(walked.again)
    if not present:
        return (), [found("fields", f"nothing is in it, nearly all others hold {names}", field=ROOT)]
    lists = {field.name for field in fields if field.format in ("list", "array") and field.values.size}
    beginnings = {start for path in present for start in _beginnings(path)}
    absent: dict[str, None] = {}
    labels: list[str] = []
    findings: list[Finding] = []
    for path in sorted(missing):
        ways = _beginnings(path)
        if path in beginnings:
            keyed = any(it.startswith(f"{path}/") for it in present)
            findings += _in_parts(fields, walked, path, expected[path], keyed=keyed)
        elif any(start in lists and path[len(start) :][:1] == "[" for start in ways[:-1]):
            continue  # it is there in another form: inside a list that is one field here
        elif is_label(path) or _is_of_pair(path, expected):
            labels.append(path)
        else:
            absent.setdefault(next(start for start in ways if start not in beginnings))
    return labels, [*findings[:MOST_LISTED], *_absent_findings([*absent])]


def _absent_findings(paths: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding for each of the first parts that are not there, and one for the rest."""
    for path in paths[:MOST_LISTED]:
        yield found("fields", MISSING_MESSAGE, field=path)
    rest = paths[MOST_LISTED:]
    if rest:
        yield found("fields", f"{names_text(rest)} are not there either", field=rest[0], count=len(rest))


def _in_parts(
    fields: Sequence[Field], walked: Leaves, path: str, usual: FieldProfile, *, keyed: bool
) -> Iterator[Finding]:
    """Yield the finding about a field that has parts of its own, `keyed` or not, where nearly all others have none."""
    form = usual.format
    none_place = next((it for it in walked.nothing if form in MAY_HOLD_NONE and it.startswith(f"{path}[")), None)
    if none_place is not None:
        yield found("fields", f"{none_place} is None, nearly all others have numbers only", field=path)
    elif form and (form not in APART or (keyed and form != "other")):
        yield found("fields", f"it has parts of its own, nearly all others are {form}", field=path)
    elif form in MAY_HOLD_NONE and (usual.shape or usual.axes):
        yield from _uneven([it for it in fields if it.name.startswith(f"{path}[")], path, usual)


def _uneven(parts: Sequence[Field], path: str, usual: FieldProfile) -> Iterator[Finding]:
    """Yield the finding about a list of numbers that is no array, where nearly all others have a shape in common.

    It is only suspicious, since lists may differ in length, such as several polygons.
    """
    word = next((it for it in parts if it.format == "text"), None)
    if word is not None:
        yield found("fields", f"{word.name} is a text, nearly all others have numbers only", field=path)
    elif len({it.values.shape for it in parts}) > 1 and all(it.format in NUMERIC for it in parts):
        wanted = ["any" if it is None else it for it in usual.shape or usual.axes]
        text = (
            f"its parts differ in size, expected the shape [{', '.join(map(str, wanted))}] as nearly all others have it"
        )
        yield found("shape", text, field=path, verdict="suspicious", expected=wanted)


def _is_of_pair(path: str, expected: Mapping[str, FieldProfile]) -> bool:
    """Return whether a path is that of the integer of a pair of an array, or a picture, and an integer."""
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
    paths, at = [], 0
    for piece in _BORDER.split(path):
        at += len(piece)
        if at:
            paths.append(path[:at])
    return paths


def names_text(names: Sequence[str]) -> str:
    """Return the first names and the number of the others."""
    return and_more(names[:NAMED], len(names))
