"""Say what is known of a path that does not exist: where a link leads, or which path was probably meant."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from datacheck.errors import SourceMissing
from datacheck.model.nearest import nearest

LOOKED_AT = 10_000
"""Maximum number of names in a folder that are compared."""


def source_missing(path: str | Path) -> SourceMissing:
    """Return the error for a path at which there is nothing: it names a link's target, or else a similar path."""
    try:
        return SourceMissing(str(path), target=str(Path(path).readlink()))
    except (OSError, ValueError):  # no link
        return SourceMissing(str(path), nearest_path(path))


def nearest_path(path: str | Path) -> str | None:
    """Return the existing path that is most similar to a missing one, or None if none is similar."""
    wanted = Path(path)
    try:
        with os.scandir(wanted.parent) as entries:
            names = [entry.name for entry in islice(entries, LOOKED_AT)]
    except (OSError, ValueError):
        return None
    close = nearest(wanted.name, sorted(names))
    return None if close in (None, wanted.name) else str(wanted.with_name(str(close)))
