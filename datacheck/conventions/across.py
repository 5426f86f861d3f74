"""Detect which databases of a store hold records of the same samples.

Equal numbers alone prove little: two unrelated databases may both count from 0. So in addition, either the numbers
cannot agree by accident, or the records are of different kinds, or the names of the databases denote parts of a sample,
as images and labels do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import msgspec

from datacheck.conventions.conclusions import are_all_counted, samples_of
from datacheck.conventions.interface import Known, StoreView
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.groups import ACCIDENTS, ENOUGH, NEARLY, are_parts, common, ends_early, union, words
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.spanning import Member, Naming, Spanning, naming_in
from datacheck.model.sample_sets import SETS

MOST = 16
"""Maximum number of databases; if there are more, each is a sequence or a class, and none is a part of samples."""
PROBED, FOUND = 16, 0.8
"""Number of names of a database that are looked up in another one, and the share of them that must exist there."""
Kinds = Mapping[str, frozenset[str]]
"""The kinds of records in each database, as the names of their decoders."""


def shared_namings(views: Mapping[str, StoreView]) -> dict[str, Naming]:
    """Return how keys contain names, for each database that shares names with another one."""
    chosen = {it: naming_in(view.keys) for it, view in views.items() if view.keys and not _is_numbered(view)}
    if not 1 < len(chosen) <= MOST:
        return {}
    namings: dict[str, Naming] = {}
    for part, naming in chosen.items():
        for other, other_naming in chosen.items():
            if (
                other != part
                and may_be_pair(part, other)
                and _share_names(views[part], naming, views[other], other_naming)
            ):
                namings |= {part: naming, other: other_naming}
    return namings


def _is_numbered(view: StoreView) -> bool:
    """Return whether nearly all keys have one pattern, and so are numbered."""
    return any(count >= NEARLY * len(view.keys) for count in view.patterns.values())


def _share_names(view: StoreView, naming: Naming, other: StoreView, other_naming: Naming) -> bool:
    names = sorted(it for key in view.keys if (it := naming.name(key)) is not None)
    probed = names[:: max(1, len(names) // PROBED)][:PROBED]
    return bool(probed) and sum(other.value(other_naming.key(it)) is not None for it in probed) >= FOUND * len(probed)


def may_be_pair(one: str, other: str) -> bool:
    """Return whether two databases, judged by their names, may hold parts of the same samples.

    Two different sets, such as train and val, do not. Nor do databases whose names differ only in a number: they are
    sequences or folds.
    """
    sets = [{it for it in words(name) if it.encode() in SETS} for name in (one, other)]
    return sets[0] == sets[1] and not _are_siblings(one, other)


def _are_siblings(one: str, other: str) -> bool:
    return re.sub("[0-9]+", "#", one) == re.sub("[0-9]+", "#", other)


def numbered_samples(databases: Mapping[str, Known], accounts: Mapping[str, Account], kinds: Kinds) -> list[Spanning]:
    """Return the samples that span several databases and are identified by numbers."""
    members = {
        part: part_members
        for part, known in databases.items()
        if (part_members := _members(part, known, accounts.get(part)))
    }
    left = sorted(members, key=lambda part: (-len(_all_numbers(members[part])), part))
    found = []
    while left and len(members) <= MOST:
        anchor, *left = left
        near = [
            it
            for it in left
            if _have_same_numbers(members[anchor], members[it]) and _hold_same_samples(anchor, it, members, kinds)
        ]
        if not near:
            continue
        some = [it for it in left if it not in near and _is_optional(anchor, it, members)]
        left = [it for it in left if it not in near and it not in some]
        of_all = [it for part in (anchor, *near) for it in members[part]]
        of_some = [msgspec.structs.replace(it, optional=True) for part in some for it in members[part]]
        spanning = _spanning_of([*of_all, *of_some])
        if spanning is not None:
            found.append(spanning)
    return found


def _members(part: str, known: Known, account: Account | None) -> tuple[Member, ...]:
    """Return the parts of samples in a database; empty unless numbers identify the samples of nearly all records."""
    if account is None or not known.conventions or known.stems is not None:
        return ()
    convention = known.conventions[0]
    if convention.deleted is not None or (convention.named and len(convention.parts) > 1):
        return ()
    samples = samples_of(convention, account)
    if samples.groups is not None:
        parts = [(it, False) for it in samples.groups.parts] + [(it, True) for it in samples.groups.optional]
    else:
        parts = [(it, False) for it in convention.parts if len(account.numbers.get(it, ())) == len(samples.numbers)][:1]
    of_samples = sum(len(account.numbers[it]) for it, _ in parts if it in account.numbers)
    if not of_samples or of_samples < NEARLY * (account.records - account.own):
        return ()
    return tuple(Member(part, it, account.numbers[it], optional) for it, optional in parts)


def _all_numbers(members: Collection[Member]) -> Runs:
    return union(it.numbers for it in members)


def _have_same_numbers(one: Collection[Member], other: Collection[Member]) -> bool:
    numbers, other_numbers = _all_numbers(one), _all_numbers(other)
    shared = len(numbers & other_numbers)
    return shared >= ENOUGH and shared >= NEARLY * max(len(numbers), len(other_numbers))


def _hold_same_samples(one: str, other: str, members: Mapping[str, Collection[Member]], kinds: Kinds) -> bool:
    """Return whether two databases with nearly the same numbers hold records of the same samples."""
    record_kinds = [kinds.get(it, frozenset()) for it in (one, other)]
    differ = bool(record_kinds[0] and record_kinds[1]) and record_kinds[0].isdisjoint(record_kinds[1])
    if not may_be_pair(one, other):
        return differ and _are_siblings(one, other)
    if are_parts(one, other):
        return True
    numbers, other_numbers = _all_numbers(members[one]), _all_numbers(members[other])
    both = _all_numbers([*members[one], *members[other]])
    if differ and not ends_early(numbers & other_numbers, both):
        return True
    return numbers.first == other_numbers.first > 1 or len(both.holes()) >= ACCIDENTS


def _is_optional(anchor: str, part: str, members: Mapping[str, Collection[Member]]) -> bool:
    """Return whether a database holds a part of only some samples, as masks exist for some pictures, and no others."""
    if not (may_be_pair(anchor, part) and are_parts(anchor, part)):
        return False
    anchor_numbers, numbers = _all_numbers(members[anchor]), _all_numbers(members[part])
    return numbers.pieces >= ACCIDENTS and not numbers - anchor_numbers


def _spanning_of(members: list[Member]) -> Spanning | None:
    parts = [it for it in members if not it.optional]
    everything = _all_numbers(parts)
    whole = common(it.numbers for it in parts)
    if len(whole) < max(ENOUGH, NEARLY * len(everything)):
        return None
    ordered = tuple(sorted(members, key=lambda it: it.part))
    return Spanning(ordered, len(everything), len(whole), everything, early=ends_early(whole, everything))


def named_groups(databases: Mapping[str, Known], accounts: Mapping[str, Account]) -> list[dict[str, Naming]]:
    """Return groups of databases that may share samples identified by names: all of their records have a name."""
    counts: dict[str, int] = {}
    namings: dict[str, Naming] = {}
    for part, known in databases.items():
        naming = next((it.naming for it in known.conventions if it.naming is not None), None)
        account = accounts.get(part) or Account()
        count = account.names[0]
        if naming is not None and known.stems is None and count and count == account.records - account.own:
            counts[part], namings[part] = count, naming
    left = sorted(counts, key=lambda part: (-counts[part], part))
    groups = []
    while left:
        anchor, *left = left
        near = [it for it in left if counts[it] >= NEARLY * counts[anchor] and may_be_pair(anchor, it)]
        if near and counts[anchor] >= ENOUGH:
            left = [it for it in left if it not in near]
            groups.append({part: namings[part] for part in (anchor, *near)})
    return groups


def agreeing_samples(namings: Mapping[str, Naming], accounts: Mapping[str, Account]) -> Spanning | None:
    """Return the samples of databases with the same names, or None if the sums of the names differ."""
    sums = {accounts[it].names for it in namings}
    return named_samples(namings, sums.pop()[0], {}) if len(sums) == 1 else None


def named_samples(
    namings: Mapping[str, Naming], count: int, unpaired: Mapping[bytes, tuple[str, ...]]
) -> Spanning | None:
    """Return `count` samples identified by names; those in `unpaired` lack a part. None if too few are whole."""
    whole = count - len(unpaired)
    if whole < max(ENOUGH, NEARLY * count):
        return None
    members = tuple(Member(part, naming) for part, naming in sorted(namings.items()))
    return Spanning(members, count, whole, unpaired=unpaired)


def with_asked_samples(databases: Mapping[str, Known]) -> dict[str, Known]:
    """Return what is known of each database, with `asked` set for samples that the store itself counts.

    If it counts all of them, none may lack a part that is needed.
    """
    result = dict(databases)
    for part, known in databases.items():
        across = known.across
        if across is None:
            continue
        conventions = [it for other in across.parts for it in databases[other].conventions]
        if are_all_counted(conventions, across.complete, across.all):
            first = next(iter(it for it in databases if databases[it].across is across))
            same = result[first].across if first != part else msgspec.structs.replace(across, asked=True)
            result[part] = msgspec.structs.replace(known, across=same)
    return result
