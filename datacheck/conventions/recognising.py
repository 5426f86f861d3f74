"""Recognise the conventions that the keys of a database follow."""

from __future__ import annotations

import importlib
from collections.abc import Collection

import msgspec

from datacheck.conventions import CONVENTIONS, NONE, Row
from datacheck.conventions.counts.aside import keys_aside
from datacheck.conventions.counts.clips_counted import clip_names
from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.keys.numbered_keys import FEW
from datacheck.conventions.keys.sequences import frames_in
from datacheck.conventions.keys.stem_parts import behind_names_in, few_stems_in, mixed_stems_in, stems_in
from datacheck.conventions.keys.stems import Stems
from datacheck.conventions.set_stems import set_stems

NUMBERED = 0.9
"""Share of sampled keys with a number, in few patterns, from which on no texts are tried to identify the samples."""
SHARED = 2
"""Minimum average number of keys in a pattern; each of a few digests has its own."""


def recognised(store: StoreView, wanted: tuple[str, ...] = (), met: set[str] | None = None) -> list[Convention]:
    """Return the conventions that the keys of one database follow; if some are `wanted`, only those.

    The names of all conventions that it follows are added to `met`.
    """
    if wanted == (NONE,):
        return []
    result = _detected(store, wanted, met)
    result = [_with_further(it, result, store) for it in result]
    result = [_with_aside(it, result, store) for it in result]
    of_sets = None if any(it.named for it in result) else set_stems(store)
    if of_sets is not None:
        result = [msgspec.structs.replace(it, parts=(), further=()) for it in result]
    stems = _stems(store, result) if of_sets is None else of_sets
    if stems is not None:
        result = [it if it.named else msgspec.structs.replace(it, stems=stems) for it in result]
    return result if result or wanted else _suggested(store, stems)


def _detected(store: StoreView, wanted: tuple[str, ...], met: set[str] | None) -> list[Convention]:
    """Return the conventions of CONVENTIONS that a store follows, without those that share a record with another."""
    result: list[Convention] = []
    rows = {it: row for it, row in CONVENTIONS.items() if not row.of_hdf5}
    rows = {it: row for it, row in rows.items() if (it in wanted if wanted else not row.asked)}
    present = _marks_present(rows.values(), store)
    for name, row in rows.items():
        if (row.marks or row.beside) and present.isdisjoint((*row.marks, row.beside)):
            continue
        convention: Convention | None = importlib.import_module(row.module).recognise(store)
        if convention is None:
            continue
        if met is not None:
            met.add(name)
        if not any(convention.own & other.own for other in result):
            result.append(convention)
    return result


def _marks_present(rows: Collection[Row], store: StoreView) -> set[bytes]:
    """Return the keys and files that mark a convention and exist.

    The keys are looked up in order: if the store has no keys after one of them, the rest are not looked for.
    """
    marks = sorted({it for row in rows for it in row.marks})
    files = {row.beside for row in rows if row.beside}
    return {it for it in marks if store.value(it) is not None} | {it for it in files if store.file(it) is not None}


def _with_further(convention: Convention, conventions: list[Convention], store: StoreView) -> Convention:
    """Return a convention; if it is named and counts, add the patterns of keys that projects may add to its parts."""
    if not convention.named or not convention.parts or convention.base is None:
        return convention
    known = {it for one in conventions for it in one.parts}
    return msgspec.structs.replace(convention, further=tuple(it for it in store.frequent if it not in known))


def _with_aside(convention: Convention, conventions: list[Convention], store: StoreView) -> Convention:
    """Return a convention, with the keys of records about others, and the clips that the others are frames of."""
    if convention.named or not (convention.counts or convention.lists):
        return convention
    own = frozenset().union(*(it.own for it in conventions))
    aside = keys_aside(store, own)
    clips = clip_names(store.keys, own | aside) if convention.counts else None
    return msgspec.structs.replace(convention, aside=aside, clips=clips)


def _stems(store: StoreView, conventions: list[Convention]) -> Stems | None:
    """Return the endings of the keys of a sample, or None if numbers identify the samples or no endings do."""
    numbered = sum(store.patterns[it] for it in store.frequent)
    by_numbers = len(store.frequent) <= FEW and numbered >= NUMBERED * len(store.keys)
    if by_numbers and numbered >= SHARED * len(store.frequent):
        return None
    own = frozenset().union(*(it.own for it in conventions))
    keys = [key for key in store.keys if key not in own]
    counts = [count.number for it in conventions for count in it.counts if count.number is not None]
    stems = None
    if not by_numbers:
        stems = stems_in(keys) or behind_names_in(keys) or mixed_stems_in(keys, counted=bool(counts))
    if stems is None:
        return few_stems_in(keys, counts)
    return None if len(stems.every) == len(store.frequent) else stems


def _suggested(store: StoreView, stems: Stems | None) -> list[Convention]:
    """Return a convention without a name for a store that follows none, if its keys suggest samples or sequences."""
    if stems is not None:
        return [Convention("", named=False, stems=stems)]
    if len(store.parts) > 1:
        return [Convention("", store.parts, named=False)]
    frames = frames_in(store.keys)
    return [] if frames is None else [Convention("", named=False, frames=frames)]
