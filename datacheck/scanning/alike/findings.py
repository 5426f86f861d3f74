"""Make the findings for records that are alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datacheck.digests.sorting import Sorter
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, found
from datacheck.reporting.compared import Comparison
from datacheck.scanning.alike.equal import Equals
from datacheck.scanning.alike.places import PLACE_BITS

if TYPE_CHECKING:
    from datacheck.scanning.alike.near import Near
    from datacheck.scanning.alike.store import Compared

PLACE = (1 << PLACE_BITS) - 1
BITS = 256


def findings_of(pairs: Sorter, stores: Sequence[Compared], called: Sequence[str]) -> Iterator[tuple[int, Finding]]:
    """Yield the place and the finding of each record that has the value of an earlier one."""
    for rows in pairs.sorted():
        for place, first, _ in rows.tolist():
            number, before = place >> PLACE_BITS, first >> PLACE_BITS
            store = stores[number]
            name = stores[before].names.name(first & PLACE)
            finding = same_as(str(name), None if before == number else called[before])
            yield place, store.names.name(place & PLACE).on(finding, store.index(place & PLACE))


def near_findings(
    near: Sequence[Near], stores: Sequence[Compared], called: Sequence[str]
) -> Iterator[tuple[int, Finding]]:
    """Yield the place and the finding of each picture that looks like an earlier one."""
    for place, first, bits in near:
        number, before = place >> PLACE_BITS, first >> PLACE_BITS
        store = stores[number]
        name = str(stores[before].names.name(first & PLACE))
        finding = looks_like(name, None if before == number else called[before], bits)
        yield place, store.names.name(place & PLACE).on(finding, store.index(place & PLACE))


def looks_like(name: str, other: str | None, bits: int) -> Finding:
    """Return the finding for a picture that looks like one of the same store, or of another one."""
    message = f"it looks like {name}{'' if other is None else f' in {plain(other)}'}: {bits} of {BITS} bits differ"
    if other is None:
        return found("duplicate", message, first=name, bits=bits)
    return found("leak", message, first=name, store=other, bits=bits)


def same_as(name: str, other: str | None) -> Finding:
    """Return the finding for a value that another record of the same store or of another store has too."""
    if other is None:
        return found("duplicate", f"the same value as {name}", first=name)
    return found("leak", f"the same value as {name} in {plain(other)}", first=name, store=other)


def comparison_of(store: Compared, equals: Equals, others: Sequence[str]) -> Comparison:
    """Return the section of a report about the comparison of a store with others."""
    number = store.number
    return Comparison(
        others=list(others),
        compared=store.compared,
        different=equals.different[number],
        shared=equals.shared[number] if others else 0,
        alone=equals.alone[number] if others else 0,
        first_alone=[str(store.names.name(it & PLACE)) for it in equals.first_alone[number]] if others else [],
        left_out=dict(sorted(store.left_out.items())),
    )
