"""Tell the families of random keys apart by the parts of samples that the keys name, such as *.img and *.lab."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from datacheck.model.escaping import unescape
from datacheck.model.key_families import is_at_end, is_of_part, named_by_parts
from datacheck.model.profile import EMPTY, UNKNOWN
from datacheck.model.sample_sets import SETS

if TYPE_CHECKING:
    from datacheck.scanning.profile.recognition import Look

NEARLY_ALL = 0.9
SHARED = 0.1
"""Minimum share of the keys that belong to a sample of which there is another key, for their names to be of parts."""


def take_parts_for_families(seen: Sequence[Look], names: list[str], enough: int) -> None:
    """Use the parts that random keys name as their families, if a database is full of keys that form none.

    Families of `enough` values are families without that.
    """
    of_database: dict[str | None, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, look in enumerate(seen):
        of_database[look.database][look.key].append(at)  # a key may have several values
    for database, places in of_database.items():
        counts = Counter(names[at] for at, *_ in places.values())
        alone = [key for key, (at, *_) in places.items() if counts[names[at]] < enough]
        prefix = "" if database is None else f"{database}:"
        if len(alone) < max(enough, len(places) / 2):
            continue
        parts = named_by_parts(alone)
        if _are_classes({key: seen[places[key][0]] for key in alone}, dict(zip(alone, parts, strict=True))):
            continue
        for key, name in zip(alone, parts, strict=True):
            for at in places[key] if name is not None else ():
                names[at] = f"{prefix}{name}"


def any_of_parts(families: Mapping[str, Sequence[Look]]) -> bool:
    """Return whether any of these families, in whatever database, is named after a part of samples."""
    databases = ((name, seen[0].database if seen else None) for name, seen in families.items())
    return any(is_of_part(name if it is None else name.removeprefix(f"{it}:")) for name, it in databases)


def _are_classes(seen: Mapping[bytes, Look], parts: Mapping[bytes, str | None]) -> bool:
    """Return whether keys are named after classes, as cat/9f86d081 and dog/2c26b46b, sets, or formats, but not parts.

    No sample has two of them then, except that two sets may have the same names. Their values are of one kind, and all
    of one size, or there are keys of further classes: if those that are usual were families, nothing would be known of
    the others.
    """
    usual = {name for name in parts.values() if name is not None}
    if len(usual) < 2:
        return False
    raw = unescape(min(usual))
    at_end = is_at_end(raw)
    separator = raw[1:2] if at_end else raw[-2:-1]
    stems = {key: key.rpartition(separator)[0] if at_end else key.partition(separator)[2] for key in seen}
    of_usual = [stems[key] for key, name in parts.items() if name is not None]
    are_sets = any(unescape(it).strip(b"*" + separator).lower() in SETS for it in usual)
    if not are_sets and len(set(of_usual)) < (1 - SHARED) * len(of_usual):
        return False
    lengths = {len(it) for it in of_usual}
    further = {key for key, name in parts.items() if name is None and len(stems[key]) in lengths}
    alike = [look for key, look in seen.items() if parts[key] is not None or key in further]
    kinds, sizes = Counter(it.kind for it in alike), Counter(it.size for it in alike)
    kind, of_kind = kinds.most_common(1)[0]
    if kind in (UNKNOWN, EMPTY) or of_kind < NEARLY_ALL * len(alike):
        return False
    return bool(further) or sizes.most_common(1)[0][1] >= NEARLY_ALL * len(alike)
