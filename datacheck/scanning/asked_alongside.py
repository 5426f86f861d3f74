"""What the settings ask to be done alongside a scan."""

from __future__ import annotations

from datacheck.errors import UsageError
from datacheck.model.settings import Settings
from datacheck.scanning.alongside import Alongside, Together
from datacheck.scanning.recorded import AgainstChecksums


def alongside(settings: Settings, sources: int) -> Alongside | None:
    """Return what is done alongside the scan of one of some sources. Raises UsageError where that makes no sense."""
    made: list[Alongside] = []
    if settings.checksums is not None:
        if sources > 1:
            raise UsageError(f"--checksums is of one source, and here are {sources}; scan them one at a time")
        made.append(AgainstChecksums(settings.checksums))
    if settings.duplicates:
        if settings.sample is not None:
            raise UsageError("--duplicates needs all records, and --sample looks at some; leave one of the two out")
        from datacheck.scanning.alike.duplicates import Duplicates

        made.append(Duplicates())
    if not made:
        return None
    return made[0] if len(made) == 1 else Together(made)
