"""Decide how many payloads of one format a value holds: one, or several behind each other, as `[0]`, `[1]` and so on.

Loaders read the next one of a stream with each call, or the first one only. So what lies behind the first one is judged
where more than half of the other records hold several, and else is only said to be there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.npy_bytes import SECOND
from datacheck.decoders.trees.paths import is_part
from datacheck.decoders.trees.reading import read_tree
from datacheck.decoders.trees.tree import Items, Parsed
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile

SERIES = 1 << 10
"""Maximum number of payloads in one value that are read."""


def first_or_series(
    first: Reading,
    parse_series: Callable[[Value], Parsed],
    value: Value,
    profile: FamilyProfile | None,
    *,
    pixels: bool,
    behind: Collection[str] = ("trailing-data",),
) -> Reading:
    """Return the reading of the first payload of a value, or that of all its payloads, which `parse_series` returns.

    In a sampled record, findings with the codes in `behind` show that there is more than the first payload.
    """
    if not first.findings and not first.lacks:
        return first
    if profile is None:
        several = any(it.code in behind for it in first.findings)
    else:
        several = _may_be_several(profile) and not any(is_part(it.name, SECOND) for it in first.fields)
    if not several:
        return first
    series = parse_series(value)
    bad = any(it.verdict == "bad" for it in series.findings)
    if profile is None:
        return first if bad or not _has_second(series) else read_tree(series, None, pixels=pixels)
    if bad:
        begun = isinstance(series.tree, Items) and len(series.tree.items) > 0
        return Reading(findings=series.findings) if begun else first
    reading = read_tree(series, profile, pixels=pixels)
    known = {name for name, it in profile.fields.items() if it.share > 0.5}
    return reading if _count(reading, known) > _count(first, known) else first


def too_many(what: str) -> Finding:
    """Return the finding about a value of more payloads than are read; `what` names them."""
    text = f"more than {SERIES} {what} in one value; the others are not read"
    return found("too-large", text, field=f"[{SERIES}]", verdict="unverifiable")


def _may_be_several(profile: FamilyProfile) -> bool:
    """Check whether more than half of the records of a family may be several payloads; tuples have the same names."""
    return any(is_part(name, SECOND) and it.share > 0.5 for name, it in profile.fields.items())


def _has_second(series: Parsed) -> bool:
    return isinstance(series.tree, Items) and len(series.tree.items) > 1


def _count(reading: Reading, known: Collection[str]) -> int:
    return sum(it.name in known for it in reading.fields)
