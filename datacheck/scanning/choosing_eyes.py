"""Choose how closely JPEGs are inspected in a store.

This is decided once per store, so that all workers and all commands inspect alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from datacheck.decoders.pictures import eyes
from datacheck.errors import EyesFailed
from datacheck.model.blocks import Layout
from datacheck.model.profile import FamilyProfile, Profile
from datacheck.model.settings import Eyes, Settings
from datacheck.scanning.tasks import TRIES, OpenEyes, Task
from datacheck.workers.interface import Death, Engine

MANY = 5000
"""Minimum number of records for which the JPEG walker is used.

Compiling the walker, if its code is not kept yet, takes one worker 8 s. In that time, a smaller store is scanned. Kept
code is loaded in 0.04 s, or with numba in 0.4 s, but the findings must not depend on whether it is kept.
"""
MANY_BYTES = 100 << 20
"""Minimum size in bytes for the walker, for stores whose number of records is not known."""


def with_eyes(settings: Settings, layout: Layout, profile: Profile, pool: Engine[Task]) -> Settings:
    """Return the settings with the eyes for the JPEGs of a store. They are None if it has no JPEGs.

    Raises EyesFailed if a worker cannot do what was asked for.
    """
    return choose_eyes(settings, layout, profile, pool)[0]


def choose_eyes(
    settings: Settings, layout: Layout, profile: Profile, pool: Engine[Task]
) -> tuple[Settings, str | None]:
    """Return the settings as `with_eyes` does, and the reason why a wanted walker is not used, or None."""
    wanted, reason = wanted_eyes(settings, layout, profile), None
    if wanted in ("walker", "strict"):
        reason = _load_in_all(wanted, max(1, min(pool.count, len(layout.shards))), pool)
        if reason is not None:
            if settings.strict_pictures:
                raise EyesFailed(reason)
            wanted = "decoder"
    return msgspec.structs.replace(settings, eyes=wanted), reason


def _load_in_all(wanted: Eyes, workers: int, pool: Engine[Task]) -> str | None:
    """Load the JPEG walker in all workers side by side; return why one of them cannot, or None if all can.

    If a worker dies, all try again, at most TRIES times: it may have been killed by chance.
    """
    for _ in range(TRIES):
        results = _load_in_each(wanted, workers, pool)
        if not any(isinstance(result, Death) and not result.timed_out for result in results):
            break
    reasons = [f"loading numba ended it with {it.signal}" if isinstance(it, Death) else it for it in results]
    return next((it for it in reasons if it is not None), None)


def _load_in_each(wanted: Eyes, workers: int, pool: Engine[Task]) -> list[Any]:
    return [result for _, result in pool.run([OpenEyes(wanted) for _ in range(workers)])]


def wanted_eyes(settings: Settings, layout: Layout, profile: Profile) -> Eyes | None:
    """Return the eyes to inspect a store with, which depend only on the store and on the settings."""
    if settings.strict_pictures:
        return "strict"
    if not any(_has_jpegs(it) for it in profile.every):
        return None
    many = (layout.size or 0) >= MANY_BYTES if layout.records is None else layout.records >= MANY
    return "walker" if many and eyes.installed() else "decoder"


def _has_jpegs(family: FamilyProfile) -> bool:
    return any(name.startswith("JPEG") for name in _formats(family))


def _formats(family: FamilyProfile) -> Iterator[str]:
    yield from (it.format for it in family.fields.values())
    for column in family.columns.values():
        yield from _formats(column)
