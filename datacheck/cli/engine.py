"""Choose where the work of a command is done: the options for it, and the engine that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.option_types import FromTable, RowName
from datacheck.cli.options import F
from datacheck.cli.output import complain

if TYPE_CHECKING:
    from datacheck.workers.interface import MakeEngine


def engines() -> Sequence[str]:
    """Return the names of the engines."""
    from datacheck.engines import ENGINES

    return list(ENGINES)


ENGINE_OPTIONS = (
    click.option(
        "--engine",
        cls=FromTable,
        rows=engines,
        type=RowName(engines),
        metavar="{a|b}",
        default="local",
        help="Where the tasks run: on this machine, or on the workers of a Dask cluster.",
    ),
    click.option("--scheduler", metavar="ADDRESS", help="The address of the Dask scheduler, such as tcp://HOST:8786."),
)
"""The options that say where the work of a scan is done."""


def engine_options(command: F) -> F:
    """Give a command the options that say where the work is done."""
    for option in reversed(ENGINE_OPTIONS):
        command = option(command)
    return command


def start_first_worker(sources: Sequence[str]) -> None:
    """Start the first worker on this machine early, so that it loads its modules while the command loads its own.

    The worker ends with the command.
    """
    from datacheck.scanning.loading import loading
    from datacheck.workers.process import start_ahead
    from datacheck.workers.templates import WORKER_BYTES

    click.get_current_context().call_on_close(start_ahead(WORKER_BYTES, loading(sources)))


@contextmanager
def chosen(options: dict[str, Any]) -> Iterator[MakeEngine | None]:
    """Take the engine out of a command's options, and yield what makes it, or None for the local one."""
    name, scheduler = options.pop("engine"), options.pop("scheduler")
    if name == "local":
        if scheduler is not None:
            raise click.UsageError("--scheduler is for Dask clusters; give --engine dask too")
        yield None
        return
    if scheduler is None:
        raise click.UsageError("--engine dask needs the scheduler of the cluster: --scheduler tcp://HOST:8786")
    from datacheck.engines.dask import connected

    with connected(scheduler, complain) as engine:
        if not engine.client.nthreads():
            complain(f"the cluster of {scheduler} has no workers yet; waiting for them")
            engine.absence.mark_reported()
        yield engine
