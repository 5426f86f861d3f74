"""The engines that run tasks: one file per engine, and a literal table."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from datacheck.workers.interface import Engine, MakeEngine
from datacheck.workers.pool import WORKER_BYTES

if TYPE_CHECKING:
    from datacheck.engines.dask import Dask
    from datacheck.workers.interface import Job

__all__ = ["ENGINES", "Dask", "Engine", "EngineRow", "MakeEngine", "engine", "name_of", "start_engine"]
T = TypeVar("T")


@dataclass(frozen=True)
class EngineRow:
    """A row of ENGINES: the module and the class of an engine, and where it runs its tasks."""

    engine: tuple[str, str]
    runs: str


ENGINES: dict[str, EngineRow] = {
    "local": EngineRow(("datacheck.workers.pool", "Pool"), "in processes on this machine"),
    "dask": EngineRow(("datacheck.engines.dask", "Dask"), "on the workers of a Dask cluster"),
}
"""The engines by name; the first is the one that runs what nobody chose another for."""


def engine(name: str) -> Any:
    """Return the class of that name: "local" makes an engine, "dask" what makes one. Raises KeyError for another."""
    module, cls = ENGINES[name].engine
    return getattr(importlib.import_module(module), cls)


def __getattr__(name: str) -> Any:
    if name != "Dask":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return engine("dask")


def name_of(make: MakeEngine | None) -> str:
    """Return what a report calls an engine; None is the usual one."""
    return next(iter(ENGINES)) if make is None else str(getattr(make, "name", type(make).__name__.lower()))


def start_engine(job: Job[T], workers: int, make: MakeEngine | None = None) -> Engine[T]:
    """Return an engine for a job, with the memory that a worker of a scan may have; None makes the usual engine."""
    chosen: MakeEngine = engine(next(iter(ENGINES))) if make is None else make
    return chosen(job, workers, WORKER_BYTES)
