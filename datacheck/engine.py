"""What runs the tasks of a scan: the promise that whoever hands tasks out relies on, whatever keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from datacheck.pool import Job

T = TypeVar("T")


class Engine(Protocol[T]):
    """Runs tasks of one job, each contained in a process that may die of it. Use as a context manager.

    Leaving the context kills whatever still runs. `datacheck.testing.engines.EngineContract` tests all of this.
    """

    @property
    def count(self) -> int:
        """How many tasks may run at a time, at most."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def grow(self, workers: int) -> None:
        """Get ready for so many tasks at a time, or for `count` if that is less; nobody waits for it."""
        ...

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, Any]]:
        """Yield each task, the very object that was given, with what became of it, as they come.

        That is what the job returned, or a Death that tells what killed its process and the last note it left: the
        other tasks are done all the same, and the task itself may be given once more. A job that is a generator gives
        a Step for each value that it yields, before its result. What a job raises is raised here.

        Tasks may be added to a deque while it is run.
        """
        ...


class MakeEngine(Protocol):
    """Makes an engine for one job, as the class that a row of ENGINES names does when it is called."""

    def __call__(self, job: Job[T], workers: int, memory: int) -> Engine[T]:
        """Return an engine that runs `workers` tasks at a time, in processes of at most `memory` private bytes each."""
        ...
