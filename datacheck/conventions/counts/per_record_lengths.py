"""Compare the lengths of lists with a number for each record, such as `natoms`, with the number of records."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.conventions.interface import Known
from datacheck.conventions.keys.account import Account
from datacheck.conventions.values.aligned import Parallel
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted, there_are

NEAR = 0.1
"""Maximum share by which a length differs from the number of records; otherwise the list is one of something else."""


def per_record_findings(known: Known, account: Account) -> Iterator[Finding]:
    """Yield a finding for each list whose length is near the number of numbered records, and not the number of any.

    A length that a count of records also says is left out, since the count itself is a finding. So is a list beside
    records without numbers: nothing tells how many of these there should be.
    """
    for it, number in lists_of_other_lengths(known, account):
        name = ": ".join(filter(None, (escape(it.key), plain(it.name))))
        text = f"{name} has {counted(it.items, 'item')}, {there_are(number, 'record')}"
        text += ": that is wrong if it should have one for each"
        yield found("count", text, verdict="suspicious", key=escape(it.key), said=it.items, found=number)


def lists_of_other_lengths(known: Known, account: Account) -> Iterator[tuple[Parallel, int]]:
    """Yield each list with a number for each record whose length is near the number of records, with that number."""
    records = account.records - account.own
    true_counts: set[int | None] = {records, records - len(known.aside), *map(len, account.numbers.values())}
    known_counts = {it.number for one in known.conventions for it in one.counts}
    numbered = list(map(len, account.numbers.values()))
    for it in known.parallel if numbered else ():
        number = min(numbered, key=lambda number: abs(it.items - number))
        if it.of_records and it.items not in true_counts | known_counts and abs(it.items - number) <= NEAR * it.items:
            yield it, number
