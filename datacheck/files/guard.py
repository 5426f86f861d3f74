"""Refuse to write where a source lies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from datacheck.errors import UsageError


def refuse_inside(path: Path, sources: Iterable[str | Path]) -> None:
    """Raise UsageError if a file that is to be written lies in, or is, a source."""
    for source in sources:
        inside = Path(source).resolve()
        if inside in (path.resolve(), *path.resolve().parents):
            raise UsageError(f"{path}: lies in the source {source}, which is never written to")
