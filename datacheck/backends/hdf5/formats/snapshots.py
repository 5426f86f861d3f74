"""Check snapshots of simulations by Gadget and AREPO: groups of particles by type, and their numbers in a header.

See https://www.tng-project.org/data/docs/specifications/. The groups PartType0 (gas), PartType1 (dark matter) and so on
are tables, not samples. `NumPart_ThisFile` of the header has the number of particles of each type.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

HEADER, NUMBERS = b"/Header", b"NumPart_ThisFile"
PARTICLES = re.compile(rb"/PartType([0-9])")
IDS = re.compile(rb"/PartType[0-9]/(Coordinates|ParticleIDs)")


def is_snapshot(groups: Collection[bytes], look: Looking) -> bool:
    """Check whether a file is a snapshot, by its groups and the attributes of its header."""
    return HEADER in groups and any(map(PARTICLES.fullmatch, groups)) and NUMBERS in look.names(HEADER)


def findings(groups: Sequence[tuple[bytes, Sequence[Dataset]]], look: Looking) -> Iterator[Finding]:
    """Yield findings for particles that are not as many as the header says, or as others of their type."""
    if not is_snapshot({path for path, _ in groups}, look):
        return
    numbers = look.numbers(HEADER, NUMBERS)
    for group, datasets in groups:
        match = PARTICLES.fullmatch(group)
        rows = {it.path: it.rows for it in datasets if it.shape}
        if match is None or not rows or int(match[1]) >= len(numbers):
            continue
        number = numbers[int(match[1])]
        others = {path: count for path, count in rows.items() if count != number}
        if len(others) == len(rows) and len(set(rows.values())) == 1:
            there = next(iter(rows.values()))
            text = (
                f"{HEADER.decode()}: {NUMBERS.decode()} says {number:,}, and {escape(group)} has "
                f"{counted(there, 'row')}"
            )
            yield found("count", text, path_of=HEADER.decode(), attribute=NUMBERS.decode(), said=number, there=there)
        elif others:
            listed = ", ".join(
                f"{escape(path)} has {counted(count, 'row')}" for path, count in sorted(others.items())[:5]
            )
            text = f"{listed}; {NUMBERS.decode()} says {number:,}, and the others have as many"
            yield found("row-count", text, rows={escape(path): count for path, count in rows.items()})


def losses(paths: Iterable[bytes], table: str, own: Collection[bytes]) -> Iterator[str]:
    """Yield why removing rows of this table would make a copy inconsistent: they are particles that a header counts."""
    if any(PARTICLES.match(it) for it in own) and any(map(IDS.fullmatch, paths)):
        yield f"{table} has particles of a snapshot, whose numbers in {HEADER.decode()} would not be true"
