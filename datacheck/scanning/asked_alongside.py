"""Choose the additional work that the settings ask for during a scan."""

from __future__ import annotations

from datacheck.errors import UsageError
from datacheck.model.settings import Settings
from datacheck.scanning.alongside import Alongside, Together
from datacheck.scanning.earlier.recorded import AgainstChecksums


def alongside(settings: Settings, sources: int) -> Alongside | None:
    """Return the additional work for the scan of one of `sources` sources, or None if there is none.

    Raises UsageError if the settings exclude it: checksums of several sources, or duplicates in a sample.
    """
    parts: list[Alongside] = []
    if settings.checksums is not None:
        if sources > 1:
            raise UsageError(f"--checksums is of one source, and here are {sources}; scan them one at a time")
        parts.append(AgainstChecksums(settings.checksums))
    if settings.duplicates:
        if settings.sample is not None:
            raise UsageError("--duplicates needs all records, and --sample looks at some; leave one of the two out")
        from datacheck.scanning.alike.duplicates import Duplicates

        parts.append(Duplicates())
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Together(parts)
