"""Find the path that was probably meant when a path does not exist."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from datacheck.model.nearest import nearest

LOOKED_AT = 10_000
"""Maximum number of names in a folder that are compared."""


def near(path: str | Path) -> str | None:
    """Return the existing path that is most similar to a missing one, or None if none is similar."""
    missing = Path(path)
    try:
        with os.scandir(missing.parent) as entries:
            names = [entry.name for entry in islice(entries, LOOKED_AT)]
    except (OSError, ValueError):
        return None
    close = nearest(missing.name, sorted(names))
    return None if close in (None, missing.name) else str(missing.with_name(str(close)))
