"""Describe faults in the structure of an LMDB environment: the page, its place, and the keys that are lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

SHOWN = 20
"""Maximum number of pages that get a finding of their own per kind of fault; one more finding counts the rest."""


class Fault(msgspec.Struct, frozen=True):
    """A fault: its kind, the page where it was seen (0 for the metas) and the reason; `count` neighbours share it.

    If it `costs` keys, those from `low` on and below `high` are lost, except for what is found again. `after` ends the
    message.
    """

    kind: str
    page: int
    why: str
    part: str | None = None
    costs: bool = False
    low: bytes | None = None
    high: bytes | None = None
    code: str = "damaged-store"
    count: int = 1
    after: str = ""


def grouped_findings(faults: Iterable[Fault], page_size: int) -> Iterator[Finding]:
    """Yield a finding for each of the first SHOWN pages of a kind, and one for all others of that kind."""
    kinds: dict[tuple[str, str | None], list[Fault]] = defaultdict(list)
    for fault in faults:
        kinds[fault.kind, fault.part].append(fault)
    for (kind, part), several in kinds.items():
        yield from (finding_of(fault, page_size) for fault in several[:SHOWN])
        if len(several) > SHOWN:
            rest = [fault.page for fault in several[SHOWN:]]
            where = f"from {min(rest):,} to {max(rest):,}" if len(rest) > 1 else f"{rest[0]:,}"
            why = f"{counted(len(rest), 'more page')} with this fault ({kind}), {where}"
            finding = found("damaged-store", why, kind=kind, count=len(rest), page=min(rest))
            yield with_database(finding, part)


def finding_of(fault: Fault, page_size: int) -> Finding:
    """Return the finding for one fault."""
    offset = fault.page * page_size
    where = f"page {fault.page:,} ({fault.kind}, byte {offset:,}) {fault.why}" if fault.page else fault.why
    details: dict[str, Any] = {"kind": fault.kind, "count": fault.count, "page": fault.page, "offset": offset}
    cost = ""
    if fault.costs:
        details |= {"first_key": _key_text(fault.low), "last_key": _key_text(fault.high)}
        cost = f": keys {key_range_text(fault.low, fault.high)}"
    more = f", and {fault.count - 1:,} more like it" if fault.count > 1 else ""
    finding = found(fault.code, f"{where}{more}{cost}{fault.after}", **details)
    return with_database(finding, fault.part)


def source_changed_finding(where: str = "") -> Finding:
    """Return the finding for a store, or a part of it, that another process overwrote while it was read."""
    why = f"another process writes to the store, and used pages of it again while they were read{where}"
    return found("source-changed", f"{why}: scan it again when that has ended, or scan a copy made by mdb_copy")


def key_range_text(low: bytes | None, high: bytes | None) -> str:
    """Return a description of a range of keys; the first key is in it, the last one is not."""
    first = "the first" if low is None else _key_text(low)
    return f"from {first} {'to the last' if high is None else f'to before {_key_text(high)}'}"


def with_database(finding: Finding, part: str | None) -> Finding:
    """Return a finding with the name of its database."""
    return msgspec.structs.replace(finding, database=part) if part else finding


def _key_text(key: bytes | None) -> str | None:
    return None if key is None else escape(key)
