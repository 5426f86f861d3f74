"""What the keys of a store add up to, held against what the store keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from datacheck.conventions.account import Account
from datacheck.conventions.counted import LOOSE, THINGS
from datacheck.conventions.groups import CONFIRMED, Groups, grouped, with_some
from datacheck.conventions.interface import ALL_TOGETHER, UNCOUNTED, Convention, Count, Known, Listed
from datacheck.conventions.numbered_keys import Pattern
from datacheck.conventions.parts import kinds_of_pieces
from datacheck.conventions.runs import Runs
from datacheck.conventions.spanning import Spanning
from datacheck.conventions.stems import StemGroups
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found, named
from datacheck.model.replacing import replace

NOTHING = Known()
MOST = 0.9
"""A loader counts on numbers that so many of the records have, or that are about as many as what is counted."""
LEFT = 0.5
"""So much of what a number counts may be left of it."""
NAMED = 10
"""So many keys are named where more are gone."""


class Samples(msgspec.Struct, frozen=True):
    """How the records of a store make samples: `groups` where several records are one, `base` where they are counted.

    `numbers` are those of all samples, `last` is the last one that a loader asks for, `deleted` are those between that
    it does not ask for. `alone` is the pattern whose records are samples each, where there are no groups. `asked` says
    that a loader is known to ask for the numbers, and not for any other record. `aside` records are about the others.
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
    def gone(self) -> Runs:
        """The numbers that a loader asks for, which counts from `base` on, and no record has."""
        if self.base is None or not self.numbers:
            return Runs()
        return Runs([(self.base, self.last + 1)]) - self.numbers - self.deleted


def samples(convention: Convention, account: Account, across: Spanning | None = None) -> Samples:
    """Return how the records make samples under a convention; where other databases have a part in them, of `across`.

    The numbers are then those that a record has in any of the databases.
    """
    groups = grouped(convention.parts, account.numbers, named=convention.named, further=convention.further)
    alone = None if groups is not None else _alone(convention, account)
    if alone is not None and convention.counts and across is None:
        groups = with_some(alone, convention.parts, account.numbers, convention.further)
    if across is not None:
        numbers = across.numbers  # none where names tell the samples
    elif groups is not None:
        numbers = groups.all
    else:
        numbers = Runs() if alone is None else account.numbers[alone]
    base = convention.base
    every = account.records - account.own
    near_to = {len(numbers), every, every - len(convention.aside), *(() if groups is None else (len(groups.whole),))}
    counts = [it for it in convention.counts if it.counts and not _of_something_else(it, convention, numbers, near_to)]
    counted = (any(it.called not in THINGS for it in counts) and not convention.lists) or convention.dense
    if base is None and counted and numbers and numbers.first in (0, 1) and not _is_sparse(counts, numbers):
        of_all = convention.dense or len(numbers) >= MOST * every
        base = numbers.first if of_all or any(_near(it.number, len(numbers)) for it in counts) else None
        if base == 1 and _first_is_gone(counts, numbers, alone or convention.parts[0]):
            base = 0
    behind = [it.number - 1 for it in convention.counts if it.next and it.number is not None]
    last = max([*behind, *([numbers.last] if numbers else [])], default=-1)
    deleted = Runs(convention.deleted.spans if convention.deleted else ())
    asked = convention.named and base is not None and bool(numbers)
    return Samples(groups, numbers, base, last, deleted, alone, asked, len(convention.aside))


def _is_sparse(counts: Sequence[Count], numbers: Runs) -> bool:
    """Say whether the numbers are names that nobody counts through: far apart, while just these are counted."""
    if not counts or any(it.number != len(numbers) for it in counts):
        return False
    return len(numbers - Runs([(0, 2 * len(numbers))])) > (1 - MOST) * len(numbers)


def unsure(
    convention: Convention,
    made: Samples,
    account: Account,
    across: Spanning | None = None,
    stems: StemGroups | None = None,
) -> Iterator[Count]:
    """Yield the counts that may be of something else than the records: a copy has them as they are."""
    there = _possible(made, account, across, stems)
    for count in convention.counts:
        if (
            (count.near and not count.of_all)
            or count.of_none
            or (count.counts and _of_something_else(count, convention, made.numbers, there))
        ):
            yield count


def _first_is_gone(counts: Iterable[Count], numbers: Runs, part: Pattern) -> bool:
    """Say whether numbers begin with 1 since the record of 0 is missing, and not the last one of those from 1 on.

    Both are as many. What is numbered from 1 on is mostly called something, and has leading zeros.
    """
    plain = part.width == 1 or not part.before
    return plain and any(it.number == numbers.last + 1 and not it.next for it in counts)


def _alone(convention: Convention, account: Account) -> Pattern | None:
    """Return the pattern whose records are the samples: the one that the store counts, or else the largest."""
    sizes = {it: len(account.numbers[it]) for it in convention.parts if account.numbers.get(it)}
    said = [it.number for it in convention.counts if it.counts and not it.next and it.number is not None]
    counted = [(abs(number - size), it) for it, size in sizes.items() for number in said if _near(number, size)]
    if counted:
        return min(counted, key=lambda it: (it[0], -sizes[it[1]]))[1]
    return max(sizes, key=lambda it: sizes[it], default=None)


def _near(count: int | None, numbers: int) -> bool:
    return count is None or abs(count - numbers) <= (1 - MOST) * numbers


def counted_as(said: int | None, made: Samples, records: int) -> int:
    """Return what a count is compared with: how many numbers there are, or how many records if that is nearer.

    Where a loader counts it asks for numbers: it is that of records then only if it is exactly that.
    """
    numbers = len(made.numbers)
    if not numbers or said is None:
        return numbers or records
    if made.base is not None:
        return records if said == records and not made.asked else numbers
    return records if _near(said, records) and abs(said - records) < abs(said - numbers) else numbers


Sampling = Callable[[bytes], "tuple[str, list[str]] | None"]
"""Returns the name of the sample that a record is of, by its key, and the keys of all of it; None where it has none.

Both have the name of the database before them; the name of a sample that lies in several ones has none.
"""


def sampling(known: Known, account: Account, part: str) -> Sampling | None:
    """Return what tells the samples of several records of a database; None where its records are samples each."""
    across, stems = known.across, known.stems
    if across is not None:

        def by_all(key: bytes) -> tuple[str, list[str]] | None:
            sample = across.sample(part, key)
            if sample is None:
                return None
            name = escape(sample) if isinstance(sample, bytes) else str(sample)
            return name, [named(escape(its), of) for of, its in across.keys(sample)]

        return by_all

    def within(name: str, keys: Iterable[bytes]) -> tuple[str, list[str]]:
        return named(name, part), [named(escape(it), part) for it in keys]

    if stems is not None:

        def by_stem(key: bytes) -> tuple[str, list[str]] | None:
            split = stems.stems.split(key)
            return None if split is None else within(escape(split[0]), stems.keys(split[0]))

        return by_stem
    groups = next((it for one in known.conventions if (it := samples(one, account).groups) is not None), None)
    if groups is None:
        return None

    def by_number(key: bytes) -> tuple[str, list[str]] | None:
        number = groups.number(key)
        if number is None:
            return None
        there = (it for it in groups.patterns if number in account.numbers.get(it, ()))
        return within(str(number), (it.key(number) for it in there))

    return by_number


def bad_samples(
    findings: Iterable[Finding], sample_of: Mapping[str, Sampling | None]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each sample of which a record is bad, its name and its keys, by what tells the samples of each database."""
    said: set[tuple[str, str]] = set()
    for finding in findings:
        of_part = sample_of.get(finding.database or "")
        if finding.verdict != "bad" or finding.key is None or of_part is None:
            continue
        sample = of_part(unescape(finding.key))
        if sample is not None and (sample[0], sample[1][0]) not in said:
            said.add((sample[0], sample[1][0]))
            yield sample


def scattered(convention: Convention, account: Account) -> str:
    """Return in words the keys whose numbers a convention counts and that could not be held; nothing without such."""
    counted = convention.dense or any(it.of_list is None for it in convention.counts)
    return ", ".join(str(it) for it in convention.parts if it in account.scattered) if counted else ""


def says_all(conventions: Iterable[Convention], complete: int, every: int) -> bool:
    """Say whether the store counts all samples, where nearly all are `complete`: a loader asks for all of them."""
    counts = (it for convention in conventions for it in convention.counts)
    counted = any(it.counts and not it.next and it.number == every for it in counts)
    return counted and complete >= CONFIRMED * every


def conclude(convention: Convention, account: Account, known: Known = NOTHING) -> Iterator[Finding]:
    """Yield what does not fit: samples that lack a part, counts that are not true, numbers that lead to nothing.

    `known` is all that is known of its database. Of samples that lie in several databases others tell.
    """
    unknown = scattered(convention, account)
    if unknown:
        text = f"the numbers in {unknown} lie in too many pieces to be held: the convention {convention.name}"
        yield found("unsupported", f"{text} was not checked", convention=convention.name)
        return
    for key in convention.unread:
        text = f"{escape(key)} should be the list of keys that a loader reads, and cannot be read"
        yield found("undecodable", text, key=escape(key))
    if convention.frames is not None:
        yield from account.sequences.findings(convention.frames)
    made = samples(convention, account, known.across)
    groups = made.groups
    if groups is not None and known.across is None:
        if not groups.asked and says_all((convention, *known.conventions), groups.complete, len(groups.all)):
            groups = msgspec.structs.replace(groups, asked=groups.parts)
        yield from groups.unpaired(account.numbers)
    if made.gone and (convention.counts or convention.dense):
        yield _dangling(convention, made)
    yield from _written_otherwise(convention, account)
    if convention.base is not None and made.numbers and made.numbers.first < convention.base:
        yield _begins_below(convention, made)
    missing = {it.key: len(it.missing) for it in known.listed}
    entries = {it.key: it.entries - missing.get(it.key, 0) for it in convention.lists}
    for count in convention.counts:
        yield from _miscounted(count, convention, made, account, entries, known)


def conclude_list(listed: Listed) -> Iterator[Finding]:
    """Yield what does not fit between a list of keys and the keys that are there."""
    key, name = escape(listed.key) if listed.key else None, listed.name
    if listed.number == UNCOUNTED:
        yield found("unsupported", f"{name} names too many records for them to be looked up: it was not checked")
        return
    if listed.missing:
        first = list(map(escape, listed.missing[:NAMED]))
        verb = "are" if len(listed.missing) > 1 else "is"
        said = f"{len(listed.missing):,} of the {listed.number:,} keys in {name} {verb} not there: {', '.join(first)}"
        verdict: Verdict | None = "suspicious" if listed.within or listed.unsure else None
        of = {} if listed.of_records is None else {"of": listed.of_records}
        yield found("dangling", said, verdict=verdict, key=key, count=len(listed.missing), first=first, **of)
    if listed.unlisted:
        said = f"{listed.unlisted:,} records are not among the {listed.number:,} keys in {name}: no loader reads them"
        yield found("count", said, verdict="suspicious", key=key, count=listed.unlisted)


def _dangling(convention: Convention, made: Samples) -> Finding:
    part = (made.alone or convention.parts[0]) if made.groups is None else made.groups.parts[0]
    first = [escape(part.key(number)) for number, _ in zip(made.gone, range(NAMED), strict=False)]
    more = f" and {len(made.gone) - len(first):,} more" if len(made.gone) > len(first) else ""
    numbering = f"the numbering from {made.base} to {made.last}"
    return found(
        "dangling",
        f"{numbering} has no {', '.join(first)}{more}, which a loader asks for",
        count=len(made.gone),
        first=first,
    )


def _written_otherwise(convention: Convention, account: Account) -> Iterator[Finding]:
    """Yield each part whose numbers have other digits than a loader asks for, where those of another part have these.

    If none has, another loader reads them.
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


def _begins_below(convention: Convention, made: Samples) -> Finding:
    """Say that the first samples are never read, and that as many are missing after the last if the count has them.

    Another convention may count from where these begin: that of a project's own, which only looks like this one.
    """
    part = made.alone or (convention.parts[0] if made.groups is None else made.groups.parts[0])
    first, base = made.numbers.first, convention.base or 0
    text = f"the numbering begins with {first}, and a loader of the convention {convention.name} counts from {base}"
    text += f": it never reads {escape(part.key(first))}"
    last = max((it.number for it in convention.counts if it.number is not None), default=0) + base - 1
    if last > made.numbers.last:
        text += f", and asks for {escape(part.key(last))}, which is not there"
    return found(
        "dangling", f"{text} (if yours counts from {first}: --convention count)", first=[escape(part.key(first))]
    )


def _miscounted(
    count: Count,
    convention: Convention,
    made: Samples,
    account: Account,
    entries: Mapping[bytes, int],
    known: Known,
) -> Iterator[Finding]:
    """Yield what is wrong with a count: it must be the number of samples, of numbers, or of all other records.

    Where a named convention counts it is not that of other records, for which its loader would not ask. That of a list
    may be the number of its `entries`.
    """
    key, name = escape(count.key), count.name
    said = count.number
    if said is None:
        text = f'"{escape(count.raw[:40])}"' if count.raw else "nothing"
        loose = count.key in LOOSE and count.fraction is not None
        if loose and _of_something_else(count, convention, made.numbers, _possible(made, account, None, None)):
            return
        text = f"{name} holds {text}, which is not the whole number a loader expects"
        yield found("count", text, verdict="suspicious" if loose else None, key=key)
        return
    if not count.counts:
        yield from _doubtful(count, said)
        return
    if count.next:
        if made.numbers and said <= made.numbers.last:
            text = f"{name} says that {said:,} is the next number, and {made.numbers.last:,} is taken"
            yield found("count", text, key=key, said=said, found=made.numbers.last + 1)
        return
    there = _possible(made, account, known.across, known.stems)
    if count.of_list is not None:
        there.add(entries[count.of_list])
    if said not in there:
        stems = None if known.stems is None else known.stems.all
        number = stems or counted_as(said, made, account.records - account.own - made.aside)
        other = _of_something_else(count, convention, made.numbers, there)
        verdict: Verdict | None = "suspicious" if other else None
        text = f"{name} says {said:,}, there are {number:,}"
        if count.last:
            text = f"{name} says that {said - 1:,} is the last number, there are {number:,}, from {made.base or 0} on"
        text += ": it is not true if it counts these" if other else ""
        yield found("count", text, verdict=verdict, key=key, said=said, found=number)


def _possible(made: Samples, account: Account, across: Spanning | None, stems: StemGroups | None) -> set[int]:
    """Return the numbers that a count may rightly say."""
    records = account.records - account.own
    there = {len(made.numbers)} if made.asked else {len(made.numbers), records}
    if stems is not None:
        there = {stems.all, records}
    if across is not None:
        there |= {across.all, across.whole}
    if made.groups is not None:
        there.add(len(made.groups.whole))
    if made.gone:
        there.add(len(made.numbers) + len(made.gone))
    return there.union(pieces(made, account), () if made.asked else [records - made.aside])


def pieces(made: Samples, account: Account) -> list[int]:
    """Return how many pieces of each kind the samples have, as pictures have captions: they may be what is counted."""
    kinds = kinds_of_pieces(made.groups.optional) if made.groups is not None else ()
    return [sum(len(account.numbers[it] & made.numbers) for it in of) for of in kinds]


def _of_something_else(count: Count, convention: Convention, numbers: Runs, there: Iterable[int]) -> bool:
    """Say whether a number may count something else: its name has many meanings, and it is near none of the counts.

    A length may be that of texts. If the numbering ends where the number says, it is a count. So it is if at least
    half as many are there: a writer that stopped early, or a copy that broke off, leaves such stores.
    """
    said = count.number
    if said is None and count.key in LOOSE and count.fraction is not None:
        return count.fraction not in {*there, *([numbers.last + 1] if numbers else [])}
    if said is None or count.next or count.key not in LOOSE or convention.named:
        return False
    numbered = numbers and said - numbers.last in (0, 1)
    return not numbered and not any(_near(said, it) or said * LEFT <= it < said for it in there)


def _doubtful(count: Count, said: int) -> Iterator[Finding]:
    """Yield what can be said of a number that may count something else."""
    key, name = escape(count.key), count.name
    if count.near is not None:
        number = count.near[1]
        where = count.near[0] or "the main database"
        text = f"{name} says {said:,}, and {where} {'have' if where == ALL_TOGETHER else 'has'} {number:,}"
        text += "" if count.of_all else ": it is not true if it counts these"
        verdict: Verdict | None = None if count.of_all else "suspicious"
        yield found("count", text, verdict=verdict, key=key, said=said, found=number)
    elif count.of_none:
        text = f"{name} says {said:,}, and no database has about so many records: what it counts is not known"
        yield found("count", text, verdict="unverifiable", key=key, said=said)
