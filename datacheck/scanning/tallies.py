"""Make the tallies of findings that are about a store, and not about the records of one of its shards."""

from __future__ import annotations

from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace
from datacheck.reporting.tally import Tally
from datacheck.scanning.retry import finding_of_death
from datacheck.workers.interface import Death


def given_up(death: Death, doing: str) -> Tally:
    return replace(tally_of(finding_of_death(death, doing, of_record=False)), complete=False)


def tally_of(*findings: Finding) -> Tally:
    """Return a tally of findings about the store."""
    tally = Tally()
    for finding in findings:
        tally.count([finding])
    return tally


def unknown_of(family: str, count: int, form: str, *, alone: bool) -> Tally:
    """Return the tally for all records of a family that no decoder knows, with a single finding for all of them.

    `form` is the known format of those that were sampled. A family that is `alone` has no others beside it.
    """
    records = "one record" if count == 1 else f"{count:,} records"
    owner = f" of '{family}'" if family else "" if alone else " whose keys belong to no family"
    finding = found(
        "unknown-payload",
        f"no decoder knows the payload of the {records}{owner}" + (f": those sampled are {form}" if form else ""),
        family=family,
        count=count,
    )
    tally = Tally(findings=[finding])
    tally.codes[finding.code] += 1
    tally.verdicts["unverifiable"] += count
    return tally
