"""Callbacks for the progress of a rebuild."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None, int], None]
"""Called during a rebuild with the phase ("scan", "copy", "verify"), records done, all records or None, bad ones."""


def unwatched(phase: str, done: int, total: int | None, bad: int) -> None:
    """Ignore progress, for callers who do not watch it."""


def unannounced() -> None:
    """Ignore that the copy is about to get its name, for callers who do not care."""
