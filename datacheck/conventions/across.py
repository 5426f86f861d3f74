"""Detect which databases of a store hold records of the same samples.

Equal numbers alone prove little: two unrelated databases may both count from 0. So in addition, either the numbers
cannot agree by accident, or the records are of different kinds, or the names of the databases denote parts of a sample,
as images and labels do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import msgspec

from datacheck.conventions.account import Account
from datacheck.conventions.conclusions import samples, says_all
from datacheck.conventions.groups import ACCIDENTS, ENOUGH, NEARLY, are_parts, common, ends_early, union, words
from datacheck.conventions.interface import Known, StoreView
from datacheck.conventions.runs import Runs
from datacheck.conventions.spanning import Member, Naming, Spanning, naming_in
from datacheck.model.sample_sets import SETS

MOST = 16
"""Maximum number of databases; if there are more, each is a sequence or a class, and none is a part of samples."""
PROBED, FOUND = 16, 0.8
"""Number of names of a database that are looked up in another one, and the share of them that must exist there."""
Kinds = Mapping[str, frozenset[str]]
"""The kinds of records in each database, as the names of their decoders."""


def named_alike(views: Mapping[str, StoreView]) -> dict[str, Naming]:
    """Return how keys contain names, for each database that shares names with another one."""
    chosen = {it: naming_in(view.keys) for it, view in views.items() if view.keys and not _numbered(view)}
    if not 1 < len(chosen) <= MOST:
        return {}
    made: dict[str, Naming] = {}
    for part, naming in chosen.items():
        for other, its in chosen.items():
            if other != part and may_be_pair(part, other) and _has_names(views[part], naming, views[other], its):
                made |= {part: naming, other: its}
    return made


def _numbered(view: StoreView) -> bool:
    """Return whether nearly all keys have one pattern, and so are numbered."""
    return any(count >= NEARLY * len(view.keys) for count in view.patterns.values())


def _has_names(view: StoreView, naming: Naming, other: StoreView, its: Naming) -> bool:
    names = sorted(it for key in view.keys if (it := naming.name(key)) is not None)
    some = names[:: max(1, len(names) // PROBED)][:PROBED]
    return bool(some) and sum(other.value(its.key(it)) is not None for it in some) >= FOUND * len(some)


def may_be_pair(one: str, other: str) -> bool:
    """Return whether two databases, judged by their names, may hold parts of the same samples.

    Two different sets, such as train and val, do not. Nor do databases whose names differ only in a number: they are
    sequences or folds.
    """
    sets = [{it for it in words(of) if it.encode() in SETS} for of in (one, other)]
    return sets[0] == sets[1] and not _siblings(one, other)


def _siblings(one: str, other: str) -> bool:
    return re.sub("[0-9]+", "#", one) == re.sub("[0-9]+", "#", other)


def numbered_across(kept: Mapping[str, Known], accounts: Mapping[str, Account], kinds: Kinds) -> list[Spanning]:
    """Return the samples that span several databases and are identified by numbers."""
    members = {part: its for part, known in kept.items() if (its := _members(part, known, accounts.get(part)))}
    left = sorted(members, key=lambda part: (-len(_union(members[part])), part))
    made = []
    while left and len(members) <= MOST:
        anchor, *left = left
        near = [it for it in left if _agree(members[anchor], members[it]) and _together(anchor, it, members, kinds)]
        if not near:
            continue
        some = [it for it in left if it not in near and _is_of_some(anchor, it, members)]
        left = [it for it in left if it not in near and it not in some]
        of_all = [it for part in (anchor, *near) for it in members[part]]
        of_some = [msgspec.structs.replace(it, optional=True) for part in some for it in members[part]]
        spanning = _spanning([*of_all, *of_some])
        if spanning is not None:
            made.append(spanning)
    return made


def _members(part: str, known: Known, account: Account | None) -> tuple[Member, ...]:
    """Return the parts of samples in a database; empty unless numbers identify the samples of nearly all records."""
    if account is None or not known.conventions or known.stems is not None:
        return ()
    convention = known.conventions[0]
    if convention.deleted is not None or (convention.named and len(convention.parts) > 1):
        return ()
    made = samples(convention, account)
    if made.groups is not None:
        parts = [(it, False) for it in made.groups.parts] + [(it, True) for it in made.groups.optional]
    else:
        parts = [(it, False) for it in convention.parts if len(account.numbers.get(it, ())) == len(made.numbers)][:1]
    of_samples = sum(len(account.numbers[it]) for it, _ in parts if it in account.numbers)
    if not of_samples or of_samples < NEARLY * (account.records - account.own):
        return ()
    return tuple(Member(part, it, account.numbers[it], optional) for it, optional in parts)


def _union(members: Collection[Member]) -> Runs:
    return union(it.numbers for it in members)


def _agree(one: Collection[Member], other: Collection[Member]) -> bool:
    mine, its = _union(one), _union(other)
    shared = len(mine & its)
    return shared >= ENOUGH and shared >= NEARLY * max(len(mine), len(its))


def _together(one: str, other: str, members: Mapping[str, Collection[Member]], kinds: Kinds) -> bool:
    """Return whether two databases with nearly the same numbers hold records of the same samples."""
    its = [kinds.get(it, frozenset()) for it in (one, other)]
    differ = bool(its[0] and its[1]) and its[0].isdisjoint(its[1])
    if not may_be_pair(one, other):
        return differ and _siblings(one, other)
    if are_parts(one, other):
        return True
    mine, numbers = _union(members[one]), _union(members[other])
    both = _union([*members[one], *members[other]])
    if differ and not ends_early(mine & numbers, both):
        return True
    return mine.first == numbers.first > 1 or len(both.holes()) >= ACCIDENTS


def _is_of_some(anchor: str, part: str, members: Mapping[str, Collection[Member]]) -> bool:
    """Return whether a database holds a part of only some samples, as masks exist for some pictures, and no others."""
    if not (may_be_pair(anchor, part) and are_parts(anchor, part)):
        return False
    mine, its = _union(members[anchor]), _union(members[part])
    return its.pieces >= ACCIDENTS and not its - mine


def _spanning(members: list[Member]) -> Spanning | None:
    parts = [it for it in members if not it.optional]
    everything = _union(parts)
    whole = common(it.numbers for it in parts)
    if len(whole) < max(ENOUGH, NEARLY * len(everything)):
        return None
    ordered = tuple(sorted(members, key=lambda it: it.part))
    return Spanning(ordered, len(everything), len(whole), everything, early=ends_early(whole, everything))


def named_across(kept: Mapping[str, Known], accounts: Mapping[str, Account]) -> list[dict[str, Naming]]:
    """Return groups of databases that may share samples identified by names: all of their records have a name."""
    counts: dict[str, int] = {}
    namings: dict[str, Naming] = {}
    for part, known in kept.items():
        naming = next((it.naming for it in known.conventions if it.naming is not None), None)
        account = accounts.get(part) or Account()
        count = account.names[0]
        if naming is not None and known.stems is None and count and count == account.records - account.own:
            counts[part], namings[part] = count, naming
    left = sorted(counts, key=lambda part: (-counts[part], part))
    made = []
    while left:
        anchor, *left = left
        near = [it for it in left if counts[it] >= NEARLY * counts[anchor] and may_be_pair(anchor, it)]
        if near and counts[anchor] >= ENOUGH:
            left = [it for it in left if it not in near]
            made.append({part: namings[part] for part in (anchor, *near)})
    return made


def agreeing(namings: Mapping[str, Naming], accounts: Mapping[str, Account]) -> Spanning | None:
    """Return the samples of databases with the same names, or None if the sums of the names differ."""
    sums = {accounts[it].names for it in namings}
    return with_names(namings, sums.pop()[0], {}) if len(sums) == 1 else None


def with_names(namings: Mapping[str, Naming], count: int, unpaired: Mapping[bytes, tuple[str, ...]]) -> Spanning | None:
    """Return `count` samples identified by names; those in `unpaired` lack a part. None if too few are whole."""
    whole = count - len(unpaired)
    if whole < max(ENOUGH, NEARLY * count):
        return None
    members = tuple(Member(part, naming) for part, naming in sorted(namings.items()))
    return Spanning(members, count, whole, unpaired=unpaired)


def confirmed(kept: Mapping[str, Known]) -> dict[str, Known]:
    """Return what is known of each database, with `asked` set for samples that the store itself counts.

    If it counts all of them, none may lack a part that is needed.
    """
    made = dict(kept)
    for part, known in kept.items():
        across = known.across
        if across is None:
            continue
        its = [it for of in across.parts for it in kept[of].conventions]
        if says_all(its, across.complete, across.all):
            first = next(iter(it for it in kept if kept[it].across is across))
            same = made[first].across if first != part else msgspec.structs.replace(across, asked=True)
            made[part] = msgspec.structs.replace(known, across=same)
    return made
