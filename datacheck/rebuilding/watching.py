"""Who is told how far a rebuild has come."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None, int], None]
"""Called as a rebuild goes on: the phase ("scan", "copy", "verify"), records done, records in all, bad ones."""


def unwatched(phase: str, done: int, total: int | None, bad: int) -> None:
    """Progress for callers who do not watch."""


def unannounced() -> None:
    """Hear that the copy is about to get its name, for callers who do not care."""
