"""What lies beside a path that leads to nothing: the name that was meant may be there."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from datacheck.model.nearest import nearest

LOOKED_AT = 10_000
"""So many names of a folder are looked at."""


def near(path: str | Path) -> str | None:
    """Return the path that is most like one that leads to nothing, None where none is like it."""
    missing = Path(path)
    try:
        with os.scandir(missing.parent) as entries:
            names = [entry.name for entry in islice(entries, LOOKED_AT)]
    except (OSError, ValueError):
        return None
    close = nearest(missing.name, sorted(names))
    return None if close in (None, missing.name) else str(missing.with_name(str(close)))
