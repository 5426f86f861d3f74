"""Tell the families of random keys apart by the parts of samples that the keys name, such as *.img and *.lab."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from datacheck.model.key_families import named_by_parts

if TYPE_CHECKING:
    from datacheck.scanning.profile.recognition import Look


def take_parts_for_families(seen: Sequence[Look], names: list[str], enough: int) -> None:
    """Use the parts that random keys name as their families, if a database is full of keys that form none.

    Families of `enough` values are families without that.
    """
    of_database: dict[str | None, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, look in enumerate(seen):
        of_database[look.database][look.key].append(at)  # probes may overlap
    for database, places in of_database.items():
        counts = Counter(names[at] for at, *_ in places.values())
        alone = [key for key, (at, *_) in places.items() if counts[names[at]] < enough]
        prefix = "" if database is None else f"{database}:"
        if len(alone) < max(enough, len(places) / 2):
            continue
        for key, name in zip(alone, named_by_parts(alone), strict=True):
            for at in places[key] if name is not None else ():
                names[at] = f"{prefix}{name}"
