"""The engines that run tasks: one file per engine, and a literal table."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from datacheck.workers.interface import Engine, MakeEngine
from datacheck.workers.pool import WORKER_BYTES

if TYPE_CHECKING:
    from datacheck.workers.interface import Job

__all__ = ["ENGINES", "Engine", "EngineRow", "MakeEngine", "engine", "name_of", "start_engine"]
T = TypeVar("T")


@dataclass(frozen=True)
class EngineRow:
    """A row of ENGINES: the module and the class of an engine, and where it runs its tasks."""

    engine: tuple[str, str]
    runs: str


ENGINES: dict[str, EngineRow] = {
    "local": EngineRow(("datacheck.workers.pool", "Pool"), "in processes on this machine"),
}
"""The engines by name; the first is the one that runs what nobody chose another for."""


def engine(name: str) -> MakeEngine:
    """Return what makes the engine of that name; raises KeyError for an unknown one."""
    module, cls = ENGINES[name].engine
    made: MakeEngine = getattr(importlib.import_module(module), cls)
    return made


def name_of(make: MakeEngine | None) -> str:
    """Return what a report calls an engine; None is the usual one."""
    return next(iter(ENGINES)) if make is None else str(getattr(make, "name", type(make).__name__.lower()))


def start_engine(job: Job[T], workers: int, make: MakeEngine | None = None) -> Engine[T]:
    """Return an engine for a job, with the memory that a worker of a scan may have; None makes the usual engine."""
    make = engine(next(iter(ENGINES))) if make is None else make
    return make(job, workers, WORKER_BYTES)
