"""The engines that run tasks: one module per engine, and a table of them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from datacheck.workers.interface import Engine, MakeEngine
from datacheck.workers.templates import WORKER_BYTES

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
"""The engines by name; the first is the default."""


def engine(name: str) -> Any:
    """Return the class for a name: that of "local" makes an engine, that of "dask" a maker of engines.

    Raises KeyError for an unknown name.
    """
    module, cls = ENGINES[name].engine
    return getattr(importlib.import_module(module), cls)


def __getattr__(name: str) -> Any:
    if name != "Dask":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return engine("dask")


def name_of(make: MakeEngine | None) -> str:
    """Return the name of an engine in a report; None is the default engine."""
    return next(iter(ENGINES)) if make is None else str(getattr(make, "name", type(make).__name__.lower()))


def start_engine(job: Job[T], workers: int, make: MakeEngine | None = None) -> Engine[T]:
    """Return an engine for a job, with the memory limit of a scan's workers; None makes the default engine."""
    chosen: MakeEngine = engine(next(iter(ENGINES))) if make is None else make
    return chosen(job, workers, WORKER_BYTES)
