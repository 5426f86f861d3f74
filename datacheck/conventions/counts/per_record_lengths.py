"""Compare the lengths of lists with a number for each record, such as `natoms`, with the number of records."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.conventions.interface import Known
from datacheck.conventions.keys.account import Account
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted, there_are

NEAR = 0.1
"""Maximum share by which a length differs from the number of records; otherwise the list is one of something else."""


def per_record_findings(known: Known, account: Account) -> Iterator[Finding]:
    """Yield a finding for each list whose length is near the number of records; a count that says so is one itself."""
    records = account.records - account.own
    true_counts = {records, records - len(known.aside), *map(len, account.numbers.values())}
    known_counts = {it.number for one in known.conventions for it in one.counts}
    for it in known.parallel:
        off = min(abs(it.items - number) for number in true_counts)
        if it.of_records and it.items not in known_counts and 0 < off <= NEAR * it.items:
            number = min(true_counts, key=lambda number: abs(it.items - number))
            name = ": ".join(filter(None, (escape(it.key), plain(it.name))))
            text = f"{name} has {counted(it.items, 'item')}, {there_are(number, 'record')}"
            text += ": it is not true if it has one for each"
            yield found("count", text, verdict="suspicious", key=escape(it.key), said=it.items, found=number)
