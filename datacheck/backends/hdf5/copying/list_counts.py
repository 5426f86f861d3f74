"""Correct counts of the names in lists of samples when a copy drops some of these: `num_train` of `train`.

The attribute is one of the list itself (`count`), or of a group above it and called like the list.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from datacheck.backends.hdf5.copying.attribute_numbers import ANYTHING, COUNTING, SURELY, integers
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.tables import Contents


def counts_of_lists(file: Path, contents: Contents, dropped: Collection[bytes]) -> dict[tuple[bytes, bytes], int]:
    """Return the new values of attributes that count names in lists which lose some, by path and name."""
    amended: dict[tuple[bytes, bytes], int] = {}
    for named in (contents.means or Meaning()).names:
        gone = len(named.gone(dropped))
        called = named.name or named.path.rpartition(b"/")[2]
        if not gone:
            continue
        parts = named.path.split(b"/") if named.path != b"/" else [b""]
        homes = {b"/".join(parts[:at]) for at in range(1, len(parts))} | {named.path}
        for (path, name), values in integers(file, contents, COUNTING, sorted(homes)).items():
            rest = words(name) - SURELY
            own = path == named.path and not named.name and words(name) <= COUNTING | ANYTHING
            if values == (len(named.names),) and (own or (rest and rest == words(called) and name != called)):
                amended[path, name] = len(named.names) - gone
    return amended
