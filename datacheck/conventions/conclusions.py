"""Compare the keys of a store, summed up, with what the store says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from datacheck.conventions.counts.clips_counted import counts_clips, may_count_clips
from datacheck.conventions.counts.count_names import LOOSE, THINGS
from datacheck.conventions.counts.counts_of_others import doubtful_findings, findings_with_others
from datacheck.conventions.counts.list_counts import exact_findings
from datacheck.conventions.counts.rows_counted import counts_rows, may_count_rows
from datacheck.conventions.interface import UNCOUNTED, Convention, Count, Known, Listed
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.groups import CONFIRMED, Groups, groups_of, groups_with_some
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.parts import kinds_of_pieces
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.spanning import Spanning
from datacheck.conventions.keys.stems import StemGroups
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more, counted
from datacheck.model.replacing import replace

NOTHING = Known()
MOST = 0.9
"""Minimum share of records with a number, or closeness of numbers to a count, for a loader to rely on the numbers."""
LEFT = 0.5
"""Minimum share of a stored number that must still exist for the number to be taken for a count."""
NAMED = 10
"""Maximum number of missing keys that are named."""


class Samples(msgspec.Struct, frozen=True):
    """How the records of a store form samples: `groups` if one has several records, `base` if a loader counts from it.

    `numbers` are those of all samples, `last` is the last one that a loader asks for, `deleted` are those before it
    that it skips. `alone` is the pattern whose records are samples each, if there are no groups. `asked` says that a
    loader is known to ask for the numbers and for no other records. `aside` is how many records are about the others.
    """

    groups: Groups | None
    numbers: Runs
    base: int | None
    last: int = -1
    deleted: Runs = msgspec.field(default_factory=Runs)
    alone: Pattern | None = None
    asked: bool = False
    aside: int = 0

    @property
    def missing(self) -> Runs:
        """The numbers that no record has but that a loader asks for, which counts from `base` on."""
        if self.base is None or not self.numbers:
            return Runs()
        return Runs([(self.base, self.last + 1)]) - self.numbers - self.deleted


def samples_of(convention: Convention, account: Account, across: Spanning | None = None) -> Samples:
    """Return how the records form samples under a convention.

    `across` is given if samples span several databases. Their numbers are then those of records in any of these.
    """
    groups = groups_of(convention.parts, account.numbers, named=convention.named, further=convention.further)
    alone = None if groups is not None else _sample_pattern(convention, account)
    if alone is not None and convention.counts and across is None:
        groups = groups_with_some(alone, convention.parts, account.numbers, convention.further)
    if across is not None:
        numbers = across.numbers  # empty if names identify the samples
    elif groups is not None:
        numbers = groups.all
    else:
        numbers = Runs() if alone is None else account.numbers[alone]
    base = convention.base
    if base is None and numbers and numbers.first in (0, 1):
        whole = None if groups is None else len(groups.whole)
        base = _counted_from(convention, account, numbers, whole, alone or convention.parts[0])
    behind = [it.number - 1 for it in convention.counts if it.next and it.number is not None]
    last = max([*behind, *([numbers.last] if numbers else [])], default=-1)
    deleted = Runs(convention.deleted.spans if convention.deleted else ())
    asked = convention.named and base is not None and bool(numbers)
    return Samples(groups, numbers, base, last, deleted, alone, asked, len(convention.aside))


def _counted_from(
    convention: Convention, account: Account, numbers: Runs, whole: int | None, part: Pattern
) -> int | None:
    """Return the number from which a loader counts these samples, 0 or 1, or None if the store does not count them.

    `whole` is how many of them have all parts, `part` the pattern of a part that all should have.
    """
    every = account.records - account.own
    near_to = {len(numbers), every, every - len(convention.aside), *(() if whole is None else (whole,))}
    counts = [
        it for it in convention.counts if it.counts and not _may_count_other(it, convention, account, numbers, near_to)
    ]
    is_counted = (any(it.called not in THINGS for it in counts) and not convention.lists) or convention.dense
    if not is_counted or _is_sparse(counts, numbers):
        return None
    of_all = convention.dense or len(numbers) >= MOST * every
    if not of_all and not any(_is_near(it.number, len(numbers)) for it in counts):
        return None
    return 0 if numbers.first == 1 and _is_first_missing(counts, numbers, part) else numbers.first


def _is_sparse(counts: Sequence[Count], numbers: Runs) -> bool:
    """Check whether the numbers are names rather than a count: they are as many as every count says, but far apart."""
    if not counts or any(it.number != len(numbers) for it in counts):
        return False
    return len(numbers - Runs([(0, 2 * len(numbers))])) > (1 - MOST) * len(numbers)


def unsure_counts(
    convention: Convention,
    samples: Samples,
    account: Account,
    across: Spanning | None = None,
    stems: StemGroups | None = None,
) -> Iterator[Count]:
    """Yield the counts that may count something other than the records; a copy keeps them as they are."""
    true_counts = _true_counts(samples, account, across, stems)
    for count in convention.counts:
        if (
            (count.near and not count.of_all)
            or count.of_none
            or (count.counts and _may_count_other(count, convention, account, samples.numbers, true_counts))
        ):
            yield count


def _is_first_missing(counts: Iterable[Count], numbers: Runs, part: Pattern) -> bool:
    """Check whether numbers begin with 1 because record 0 is missing, rather than that the last one of 1 to N is.

    Both leave as many records. Records that are numbered from 1 mostly have a name before the number and leading zeros.
    """
    plain = part.width == 1 or not part.before
    return plain and any(it.number == numbers.last + 1 and not it.next for it in counts)


def _sample_pattern(convention: Convention, account: Account) -> Pattern | None:
    """Return the pattern whose records are the samples: the one that the store counts, or else the largest."""
    sizes = {it: len(account.numbers[it]) for it in convention.parts if account.numbers.get(it)}
    declared = [it.number for it in convention.counts if it.counts and not it.next and it.number is not None]
    close = [(abs(number - size), it) for it, size in sizes.items() for number in declared if _is_near(number, size)]
    if close:
        return min(close, key=lambda it: (it[0], -sizes[it[1]]))[1]
    return max(sizes, key=lambda it: sizes[it], default=None)


def _is_near(count: int | None, numbers: int) -> bool:
    return count is None or abs(count - numbers) <= (1 - MOST) * numbers


def expected_count(declared: int | None, samples: Samples, records: int) -> int:
    """Return what a count is compared with: how many numbers there are, or how many records if that is nearer.

    If a loader counts, it asks for numbers; the count is then that of the records only if it equals their number.
    """
    numbers = len(samples.numbers)
    if not numbers or declared is None:
        return numbers or records
    if samples.base is not None:
        return records if declared == records and not samples.asked else numbers
    return records if _is_near(declared, records) and abs(declared - records) < abs(declared - numbers) else numbers


def scattered_text(convention: Convention, account: Account) -> str:
    """Return the patterns, as text, of counted keys whose numbers form too many runs to be held; empty without any."""
    is_counted = convention.dense or any(it.of_list is None for it in convention.counts)
    return ", ".join(str(it) for it in convention.parts if it in account.scattered) if is_counted else ""


def are_all_counted(conventions: Iterable[Convention], complete: int, every: int) -> bool:
    """Check whether the store counts all samples and nearly all are `complete`; a loader then asks for all of them."""
    counts = (it for convention in conventions for it in convention.counts)
    is_counted = any(it.counts and not it.next and it.number == every for it in counts)
    return is_counted and complete >= CONFIRMED * every


def convention_findings(convention: Convention, account: Account, known: Known = NOTHING) -> Iterator[Finding]:
    """Yield findings for samples that lack a part, counts that are not true, and numbers that lead to nothing.

    `known` is everything that is known of the database. Samples that span several databases are judged elsewhere.
    """
    unknown = scattered_text(convention, account)
    if unknown:
        text = f"the numbers in {unknown} lie in too many pieces to be held: the convention {convention.name}"
        yield found("unsupported", f"{text} was not checked", convention=convention.name)
        return
    for key in convention.unread:
        text = f"{escape(key)} should be the list of keys that a loader reads, and cannot be read"
        yield found("undecodable", text, key=escape(key))
    if convention.frames is not None:
        yield from account.sequences.findings(convention.frames)
    samples = samples_of(convention, account, known.across)
    groups = samples.groups
    if groups is not None and known.across is None:
        if not groups.asked and are_all_counted((convention, *known.conventions), groups.complete, len(groups.all)):
            groups = msgspec.structs.replace(groups, asked=groups.parts)
        yield from groups.unpaired(account.numbers)
    if samples.missing and (convention.counts or convention.dense):
        yield _dangling_finding(convention, samples, known)
    yield from _digits_findings(convention, account)
    if convention.base is not None and samples.numbers and samples.numbers.first < convention.base:
        yield _first_unread_finding(convention, samples)
    missing = {it.key: len(it.missing) for it in known.listed}
    yield from exact_findings(convention, missing)
    entries = {it.key: {n := it.entries - missing.get(it.key, 0), it.groups or n} for it in convention.lists}
    for count in (it for it in convention.counts if not it.exact):
        yield from _count_findings(count, convention, samples, account, entries, known)


def list_findings(listed: Listed) -> Iterator[Finding]:
    """Yield findings for differences between a list of keys and the keys that exist."""
    key, name = escape(listed.key) if listed.key else None, listed.name
    if listed.number == UNCOUNTED:
        yield found("unsupported", f"{name} names too many records for them to be looked up: it was not checked")
        return
    if listed.missing:
        first = list(map(escape, listed.missing[:NAMED]))
        verb = "are" if len(listed.missing) > 1 else "is"
        text = f"{len(listed.missing):,} of the {listed.number:,} keys in {name} {verb} not there: {', '.join(first)}"
        verdict: Verdict | None = "suspicious" if (listed.within and not listed.sure) or listed.unsure else None
        details: dict[str, Any] = {} if listed.of_records is None else {"of": listed.of_records}
        details |= {"numbers": True} if listed.numbers else {}
        yield found("dangling", text, verdict=verdict, key=key, count=len(listed.missing), first=first, **details)
    if listed.unlisted:
        records = counted(listed.unlisted, "record is", "records are")
        them = "it" if listed.unlisted == 1 else "them"
        text = f"{records} not among the {counted(listed.number, 'key')} in {name}: no loader reads {them}"
        yield found("count", text, verdict="suspicious", key=key, count=listed.unlisted)
    if listed.lacking:
        first = list(map(escape, listed.lacking[:NAMED]))
        verb = "have" if len(first) > 1 else "has"
        text = f"{and_more(first, len(listed.lacking))} {verb} no entry in {name}, and the other records have"
        yield found("unpaired", text, verdict="suspicious", key=key, count=len(listed.lacking), first=first)


def _dangling_finding(convention: Convention, samples: Samples, known: Known) -> Finding:
    explained = known.left_out.explains(len(samples.numbers), len(samples.missing))
    part = (samples.alone or convention.parts[0]) if samples.groups is None else samples.groups.parts[0]
    first = [escape(part.key(number)) for number, _ in zip(samples.missing, range(NAMED), strict=False)]
    numbering = f"the numbering from {samples.base} to {samples.last} has no {and_more(first, len(samples.missing))}"
    return found(
        "dangling",
        f"{numbering}, which {'may be left out' if explained else 'a loader asks for'}",
        verdict="suspicious" if explained else None,
        count=len(samples.missing),
        first=first,
    )


def _digits_findings(convention: Convention, account: Account) -> Iterator[Finding]:
    """Yield a finding for each part whose numbers have another number of digits than a loader asks for.

    Numbers of another part must have these digits; if none has, another loader reads them.
    """
    asked = convention.parts[:2]
    right = [it for it in asked if it.width == convention.digits]
    for it in asked if right else ():
        numbers = account.numbers.get(it)
        if it in right or not numbers:
            continue
        first = escape(replace(it, width=convention.digits).key(numbers.first))
        text = (
            f"a loader of the convention {convention.name} asks for {first} and finds none of the {len(numbers):,} {it}"
        )
        text += f": the first one is {escape(it.key(numbers.first))}, and {right[0]} have {convention.digits} digits"
        text += " (if yours asks for what is there: --convention count)"
        yield found("dangling", text, count=len(numbers), first=[first], digits=convention.digits)


def _first_unread_finding(convention: Convention, samples: Samples) -> Finding:
    """Return the finding that the first samples are never read, and that others after the last one are asked for.

    A project's own convention that only looks like this one may count from where these numbers begin.
    """
    part = samples.alone or (convention.parts[0] if samples.groups is None else samples.groups.parts[0])
    first, base = samples.numbers.first, convention.base or 0
    text = f"the numbering begins with {first}, and a loader of the convention {convention.name} counts from {base}"
    text += f": it never reads {escape(part.key(first))}"
    last = max((it.number for it in convention.counts if it.number is not None), default=0) + base - 1
    if last > samples.numbers.last:
        text += f", and asks for {escape(part.key(last))}, which is not there"
    return found(
        "dangling", f"{text} (if yours counts from {first}: --convention count)", first=[escape(part.key(first))]
    )


def _count_findings(
    count: Count,
    convention: Convention,
    samples: Samples,
    account: Account,
    entries: Mapping[bytes, set[int]],
    known: Known,
) -> Iterator[Finding]:
    """Yield what is wrong with a count: it must be the number of samples, of numbers, or of all other records.

    If a named convention counts, it must not be the number of all records, since its loader asks only for numbers. The
    count of a list may also be the number of its `entries`.
    """
    key, name, declared = escape(count.key), count.name, count.number
    if declared is None:
        yield from _unread_count_findings(count, convention, samples, account)
        return
    if not count.counts:
        yield from doubtful_findings(count, declared)
        return
    if count.next:
        if samples.numbers and declared <= samples.numbers.last:
            text = f"{name} says that {declared:,} is the next number, and {samples.numbers.last:,} is taken"
            yield found("count", text, key=key, said=declared, found=samples.numbers.last + 1)
        return
    true_counts = _true_counts(samples, account, known.across, known.stems)
    if count.of_list is not None:
        true_counts |= entries[count.of_list]
    if declared not in true_counts and not (counts_clips(count, convention, account) or counts_rows(count, known)):
        stems = None if known.stems is None else known.stems.all
        number = stems or expected_count(declared, samples, account.records - account.own - samples.aside)
        other = _may_count_other(count, convention, account, samples.numbers, true_counts)
        text = f"{name} says {declared:,}, there are {number:,}"
        if count.last:
            text = f"{name} says that {declared - 1:,} is the last number, there are {number:,}"
            text += f", from {samples.base or 0} on"
        text += ": it is not true if it counts these" if other else ""
        yield found("count", text, verdict="suspicious" if other else None, key=key, said=declared, found=number)
    elif samples.groups is None and samples.alone is not None and samples.base is not None:
        yield from findings_with_others(count, samples.alone, samples.numbers, samples.base, samples.aside)


def _unread_count_findings(
    count: Count, convention: Convention, samples: Samples, account: Account
) -> Iterator[Finding]:
    """Yield a finding for a count that is no whole number, unless it is a float that may count something else."""
    loose = count.key in LOOSE and count.fraction is not None
    true_counts = _true_counts(samples, account, None, None) if loose else set()
    if not loose or not _may_count_other(count, convention, account, samples.numbers, true_counts):
        held = f'"{escape(count.raw[:40])}"' if count.raw else "nothing"
        text = f"{count.name} holds {held}, which is not the whole number a loader expects"
        yield found("count", text, verdict="suspicious" if loose else None, key=escape(count.key))


def _true_counts(samples: Samples, account: Account, across: Spanning | None, stems: StemGroups | None) -> set[int]:
    """Return the values for which a count is true."""
    records = account.records - account.own
    result = {len(samples.numbers)} if samples.asked else {len(samples.numbers), records}
    if stems is not None:
        result = {stems.all, records}
    if across is not None:
        result |= {across.all, across.whole}
    if samples.groups is not None:
        result.add(len(samples.groups.whole))
    if samples.missing:
        result.add(len(samples.numbers) + len(samples.missing))
    return result.union(piece_counts(samples, account), () if samples.asked else [records - samples.aside])


def piece_counts(samples: Samples, account: Account) -> list[int]:
    """Return how many pieces of each kind the samples have, such as captions of pictures; a count may be of these."""
    kinds = kinds_of_pieces(samples.groups.optional) if samples.groups is not None else ()
    return [sum(len(account.numbers[it] & samples.numbers) for it in kind) for kind in kinds]


def _may_count_other(
    count: Count, convention: Convention, account: Account, numbers: Runs, true_counts: Iterable[int]
) -> bool:
    """Check whether a number may count something else: its name has many meanings, and it is near no true count.

    A length may be that of texts. The number is a count if the numbering ends where it says, or if at least half as
    many exist: a writer that stopped early, or a copy that broke off, leaves such stores.
    """
    declared, true_counts = count.number, frozenset(true_counts)
    if may_count_clips(count, convention, account, true_counts) or may_count_rows(count, convention, true_counts):
        return True
    if declared is None and count.key in LOOSE and count.fraction is not None:
        return count.fraction not in {*true_counts, *([numbers.last + 1] if numbers else [])}
    if declared is None or count.next or count.key not in LOOSE or convention.named:
        return False
    numbered = numbers and declared - numbers.last in (0, 1)
    return not numbered and not any(_is_near(declared, it) or declared * LEFT <= it < declared for it in true_counts)
