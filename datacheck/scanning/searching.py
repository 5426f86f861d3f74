"""Callbacks that show how far the search of a folder for its stores has come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from datacheck.model.blocks import ignore

Searching = Callable[[str], AbstractContextManager[Callable[[int], None]]]
"""Called with the path of a source; what it yields is called with the number of entries that were searched so far."""


def unshown(source: str) -> AbstractContextManager[Callable[[int], None]]:
    """Show nothing of a search."""
    return nullcontext(ignore)
