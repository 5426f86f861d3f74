"""Run in a worker's process: the loop that runs tasks."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import traceback
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from datacheck.workers.interface import ANOTHER_JOB, OWN_FAILURE, Failure, Step, Watch
from datacheck.workers.lifetime import end_with_caller, reset_signals
from datacheck.workers.limits import bound_memory, use_all_files
from datacheck.workers.notes import NotePad
from datacheck.workers.pipes import PipeEnd

ENDS = 5
"""Number of descriptors that a worker gets: one for tasks, one for results, two for notes, one for its lifetime."""


def serve(
    ends: Sequence[int],
    by_main: bool,
    memory: int,
    collecting: tuple[int, ...],
    loading: Sequence[str],
) -> None:
    """Load the job, then run each task that arrives, until the caller closes its end or sends another job.

    `ends` are its ENDS descriptors. The modules `loading` are loaded before the job arrives. Once the first task has
    loaded what it needs, garbage is collected as `collecting` says (see `gc.set_threshold`).
    """
    with own_failures():
        tasks, results = PipeEnd(ends[0]), PipeEnd(ends[1])
        reading, writing, life = ends[2:]
        reset_signals()
        end_with_caller(life, with_thread=by_main)
        use_all_files()
        bound_memory(memory)
        watch = Watch(NotePad(reading, writing))
    load_modules(loading)
    job = None
    while True:
        with own_failures():
            try:
                raw = tasks.recv_bytes()
            except EOFError:
                return
            if raw == ANOTHER_JOB:
                job = None
                watch.renew()
                continue
        try:
            if job is None:
                job = pickle.loads(raw)  # noqa: S301  (our own caller's)
                continue
            watch.begin()
            result: Any = job(pickle.loads(raw), watch)  # noqa: S301
            if isinstance(result, Generator):
                result = _send_steps(result, results)
        except Exception as exc:  # noqa: BLE001  (a border: whatever a job raises is raised again in the caller)
            exc.add_note("".join(["In a worker:\n", *traceback.format_exception(exc)]))
            result = Failure(exc)
        with own_failures():
            watch.rest()
            raw = _dumps_result(result)
            watch.done()
            results.send_bytes(raw)
            if collecting:
                gc.freeze()  # loaded modules stay, and need not be examined again
                gc.set_threshold(*collecting)
                collecting = ()


def load_modules(names: Sequence[str]) -> None:
    """Import modules, ignoring errors: if a module is needed, its import fails again where it is used."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


@contextlib.contextmanager
def own_failures() -> Iterator[None]:
    """Exit with OWN_FAILURE if an error occurs that is not the job's, so that no data is blamed for it."""
    try:
        yield
    except BaseException:  # noqa: BLE001  (a border: nobody is left to raise it to)
        with contextlib.suppress(Exception):  # there may be no space for the traceback
            traceback.print_exc()
        os._exit(OWN_FAILURE)


def _send_steps(steps: Generator[Any, None, Any], results: PipeEnd) -> Any:
    """Send what a generator yields, and return its return value."""
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value
        results.send_bytes(pickle.dumps(Step(step)))


def _dumps_result(result: Any) -> bytes:
    """Pickle a result, or a Failure that says so if it does not pickle or would not unpickle.

    What caused an error stays behind, as pickle leaves it: Dask makes pickle take it along, and it may be anything.
    """
    if isinstance(result, Failure):
        result.error.__cause__ = result.error.__context__ = None
    try:
        raw = pickle.dumps(result)
        if isinstance(result, Failure):
            pickle.loads(raw)  # noqa: S301  (just pickled: exceptions often do not take what they give)
    except Exception as exc:  # noqa: BLE001  (what others' classes raise there may be anything)
        error = result.error if isinstance(result, Failure) else result
        return pickle.dumps(Failure(RuntimeError(f"a worker's result does not pickle: {error!r} ({exc})")))
    return raw
