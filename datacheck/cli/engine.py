"""The engine that a command was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.output import complain

if TYPE_CHECKING:
    from datacheck.workers.interface import MakeEngine


@contextmanager
def chosen(options: dict[str, Any]) -> Iterator[MakeEngine | None]:
    """Take the engine out of a command's options, and yield what makes it; None is the usual one."""
    name, scheduler = options.pop("engine"), options.pop("scheduler")
    if name == "local":
        if scheduler is not None:
            raise click.UsageError("--scheduler is of a Dask cluster; give --engine dask too")
        yield None
        return
    if scheduler is None:
        raise click.UsageError("--engine dask needs the scheduler of the cluster: --scheduler tcp://HOST:8786")
    from datacheck.engines.dask import connected

    with connected(scheduler) as engine:
        if not engine.client.nthreads():
            complain(f"the cluster of {scheduler} has no workers yet; waiting for them")
        yield engine
