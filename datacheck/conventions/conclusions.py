"""What the keys of a store add up to, held against what the store keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from datacheck.conventions.account import Account
from datacheck.conventions.groups import Groups, grouped
from datacheck.conventions.interface import Convention, Count, Known, Listed
from datacheck.conventions.runs import Runs
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found, named

NAMED = 10
"""So many keys are named where more are gone."""


class Samples(msgspec.Struct, frozen=True):
    """How the records of a store make samples: `groups` where several records are one, `base` where they are counted.

    `numbers` are those of all samples, `last` is the last one that a loader asks for, `deleted` are those between that
    it does not ask for.
    """

    groups: Groups | None
    numbers: Runs
    base: int | None
    last: int = -1
    deleted: Runs = msgspec.field(default_factory=Runs)

    @property
    def gone(self) -> Runs:
        """The numbers that a loader asks for, which counts from `base` on, and no record has."""
        if self.base is None or not self.numbers:
            return Runs()
        return Runs([(self.base, self.last + 1)]) - self.numbers - self.deleted


def samples(convention: Convention, account: Account) -> Samples:
    """Return how the records make samples under a convention."""
    groups = grouped(convention.parts, account.numbers, named=convention.named)
    there = [it for it in convention.parts if account.numbers.get(it)]
    if groups is not None:
        numbers = groups.all
    elif there:
        numbers = account.numbers[max(there, key=lambda it: len(account.numbers[it]))]
    else:
        numbers = Runs()
    base = convention.base
    counts = [it for it in convention.counts if not (it.of_all or it.of_none)]
    counted = (counts and not convention.lists) or convention.dense
    if base is None and counted and numbers and numbers.first in (0, 1):
        base = numbers.first
    behind = [it.number - 1 for it in convention.counts if it.next and it.number is not None]
    last = max([*behind, *([numbers.last] if numbers else [])], default=-1)
    return Samples(groups, numbers, base, last, Runs(convention.deleted.spans if convention.deleted else ()))


Sampling = Callable[[bytes], "tuple[str, list[bytes]] | None"]
"""Returns the name of the sample that a record is of, by its key, and the keys of all of it; None where it has none."""


def sampling(known: Known, account: Account) -> Sampling | None:
    """Return what tells the samples of several records of a database; None where its records are samples each."""
    stems = known.stems
    if stems is not None:

        def by_stem(key: bytes) -> tuple[str, list[bytes]] | None:
            split = stems.stems.split(key)
            return None if split is None else (escape(split[0]), stems.keys(split[0]))

        return by_stem
    groups = next((it for one in known.conventions if (it := samples(one, account).groups) is not None), None)
    if groups is None:
        return None

    def by_number(key: bytes) -> tuple[str, list[bytes]] | None:
        number = groups.number(key)
        if number is None:
            return None
        return str(number), [it.key(number) for it in groups.patterns if number in account.numbers.get(it, ())]

    return by_number


def bad_samples(
    findings: Iterable[Finding], sample_of: Mapping[str, Sampling | None]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each sample of which a record is bad, its name and its keys, by what tells the samples of each database."""
    said: set[tuple[str, str]] = set()
    for finding in findings:
        part = finding.database or ""
        of_part = sample_of.get(part)
        if finding.verdict != "bad" or finding.key is None or of_part is None:
            continue
        sample = of_part(unescape(finding.key))
        if sample is not None and (part, sample[0]) not in said:
            said.add((part, sample[0]))
            yield named(sample[0], part), [named(escape(key), part) for key in sample[1]]


def scattered(convention: Convention, account: Account) -> str:
    """Return in words the keys whose numbers a convention counts and that could not be held; nothing without such."""
    counted = convention.dense or any(it.of_list is None for it in convention.counts)
    return ", ".join(str(it) for it in convention.parts if it in account.scattered) if counted else ""


def conclude(
    convention: Convention, account: Account, listed: Sequence[Listed] = (), stems: int | None = None
) -> Iterator[Finding]:
    """Yield what does not fit: samples that lack a part, counts that are not true, numbers that lead to nothing.

    `listed` is what comparing the lists of keys came to, `stems` the number of samples that have stems.
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
    made = samples(convention, account)
    if made.groups is not None:
        yield from made.groups.unpaired(account.numbers)
    if made.gone and (convention.counts or convention.dense):
        yield _dangling(convention, made)
    missing = {it.key: len(it.missing) for it in listed}
    entries = {it.key: it.entries - missing.get(it.key, 0) for it in convention.lists}
    for count in convention.counts:
        yield from _miscounted(count, made, account, entries, stems)


def conclude_list(listed: Listed) -> Iterator[Finding]:
    """Yield what does not fit between a list of keys and the keys that are there."""
    key = escape(listed.key)
    if listed.missing:
        first = list(map(escape, listed.missing[:NAMED]))
        said = f"{len(listed.missing):,} of the {listed.number:,} keys in {key} are not there: {', '.join(first)}"
        yield found("dangling", said, key=key, count=len(listed.missing), first=first)
    if listed.unlisted:
        said = f"{listed.unlisted:,} records are not among the {listed.number:,} keys in {key}: no loader reads them"
        yield found("count", said, verdict="suspicious", key=key, count=listed.unlisted)


def _dangling(convention: Convention, made: Samples) -> Finding:
    part = convention.parts[0] if made.groups is None else made.groups.parts[0]
    first = [escape(part.key(number)) for number, _ in zip(made.gone, range(NAMED), strict=False)]
    more = f" and {len(made.gone) - len(first):,} more" if len(made.gone) > len(first) else ""
    numbering = f"the numbering from {made.base} to {made.last}"
    return found(
        "dangling",
        f"{numbering} has no {', '.join(first)}{more}, which a loader asks for",
        count=len(made.gone),
        first=first,
    )


def _miscounted(
    count: Count, made: Samples, account: Account, entries: Mapping[bytes, int], stems: int | None
) -> Iterator[Finding]:
    """Yield what is wrong with a count: it must be the number of samples, of numbers, or of all other records.

    That of a list may be the number of its `entries`.
    """
    key, name = escape(count.key), count.name
    said = count.number
    if said is None:
        text = f'"{escape(count.raw[:40])}"' if count.raw else "nothing"
        yield found("count", f"{name} holds {text}, which is not the whole number a loader expects", key=key)
        return
    if count.of_all:
        return
    if count.of_none:
        text = f"{name} says {said:,}, and no database has about so many records: what it counts is not known"
        yield found("count", text, verdict="unverifiable", key=key, said=said)
        return
    if count.next:
        if made.numbers and said <= made.numbers.last:
            text = f"{name} says that {said:,} is the next number, and {made.numbers.last:,} is taken"
            yield found("count", text, key=key, said=said, found=made.numbers.last + 1)
        return
    there = {len(made.numbers), account.records - account.own}
    if stems is not None:
        there = {stems, account.records - account.own}
    if count.of_list is not None:
        there.add(entries[count.of_list])
    if made.groups is not None:
        there.add(len(made.groups.whole))
    if made.gone:
        there.add(len(made.numbers) + len(made.gone))
    if said not in there:
        number = stems or len(made.numbers) or account.records - account.own
        yield found("count", f"{name} says {said:,}, there are {number:,}", key=key, said=said, found=number)
