"""Worker processes that are kept from one test for the next: to start one costs more than most tests do.

Where none fits, a process that has loaded what workers need forks one, as for a user's scan (`workers.template`).

`datacheck.workers.process` keeps them for the sources of one scan; here they are kept while the tests run. What a new
process would take over from this one besides its environment is compared as well, so a test that sets a limit, a umask
or a signal gets new ones. The folder alone makes no difference: a job sends them to it. A test of the processes
themselves has the mark `own_workers`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from datacheck.scanning.loading import PAIRS
from datacheck.workers import interpreter, pool, process
from datacheck.workers.interface import Watch
from datacheck.workers.template import FORKS, Template

KEPT = 3
"""So many are kept at the end of a test."""
TEMPLATES = 4
"""So many circumstances are remembered that were met, and the templates for them."""
LOADING = [PAIRS, *(f"datacheck.backends.{kind}.loaded_ahead" for kind in ("lmdb", "leveldb", "hdf5"))]
OF_THE_CALLER = {"PYTEST_CURRENT_TEST", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "_DATACHECK_COMPLETE"}
"""Variables of the environment that mean something to the command or to pytest, and nothing to a worker."""
INHERITED = ("Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "CapEff", "Cpus_allowed")
LIMITS = sorted(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
STATUS = Path("/proc/self/status")

_next_process = process.next_process
_start_ahead = process.start_ahead
_keep = process._keep
_template = process._template
_started: weakref.WeakKeyDictionary[process.Process, process.Circumstances] = weakref.WeakKeyDictionary()
"""What each process had of this one when it was started, and the folder that it is in."""
_templates: list[tuple[tuple[object, ...], str, Template | None]] = []
"""By their circumstances, the last used at the end; none yet for circumstances that were met once."""
_forking = threading.local()


def _inherited() -> str:
    """Return what a process that is started now would have of this one, beside what `process` looks at itself."""
    own = [line for line in STATUS.read_text().splitlines() if line.partition(":")[0] in INHERITED]
    limits = [resource.getrlimit(limit) for limit in LIMITS]
    return repr((own, limits, os.getpriority(os.PRIO_PROCESS, 0)))


def _all_circumstances(memory: int) -> process.Circumstances:
    memory, place, _, path = process._circumstances(memory)
    environment = {name: it for name, it in interpreter.environment().items() if name not in OF_THE_CALLER}
    return memory, place, {**environment, "": _inherited()}, path


def _go(folder: str, watch: Watch) -> None:
    os.chdir(folder)


def _sent(kept: process.Process, folder: str) -> bool:
    """Send an idle process to a folder; say whether it is there, and waits for a job."""
    worker: process.Worker[str] = process.Worker(pickle.dumps(_go), kept)
    worker.give(folder)
    if worker.take() is not None or worker._process is not kept:
        worker.close()
        return False
    kept.renew()
    return True


def _kept_or_new(memory: int, loading: Sequence[str] = ()) -> process.Process:
    """Return a kept process if one fits; those that do not fit stay for the test that they fit."""
    memory, place, *wanted = _all_circumstances(memory)
    for kept in reversed(process._ahead) if place else ():
        (has, was, *rest), it = kept
        if (has, rest) == (memory, wanted):
            process._ahead.remove(kept)
            if it.alive and (was == place or _sent(it, place)):
                _started[it] = (memory, place, *wanted)
                return it
            it.close()
    new = _forked(memory, place, wanted, loading) or process.Process(memory, loading)
    _started[new] = (memory, place, *wanted)
    return new


def _forked(memory: int, place: str, wanted: Sequence[object], loading: Sequence[str]) -> process.Process | None:
    """Return a process that a template of these circumstances forks, in this folder; None without such a template."""
    found = _fitting(memory, place, (memory, *wanted)) if place and FORKS else None
    if found is None:
        return None
    was, _forking.template = found
    try:
        new = process.Process(memory, loading)
    finally:
        _forking.template = None
    if was == place or _sent(new, place):
        return new
    new.close()
    return None


def _fitting(memory: int, place: str, circumstances: tuple[object, ...]) -> tuple[str, Template] | None:
    """Return a template and the folder that it is in; None where these circumstances are met for the first time."""
    for at, (of, was, template) in enumerate(_templates):
        if of == circumstances:
            del _templates[at]
            if template is None or not template.alive:
                was, template = place, process._new_template(memory, LOADING)
            _templates.append((of, was, template))
            return was, template
    _templates.append((circumstances, place, None))
    while len(_templates) > TEMPLATES:
        _close(_templates.pop(0)[2])
    return None


def _close(template: Template | None) -> None:
    if template is not None:
        template.close()


def _chosen(memory: int) -> Template | None:
    """Return the template that is to fork what is started now: one that is known, or one in this very folder."""
    known: Template | None = getattr(_forking, "template", None)
    if known is not None:
        return known
    memory, place, *wanted = _all_circumstances(memory)
    return next((it for of, was, it in _templates if (of, was) == ((memory, *wanted), place)), None)


def _keep_as_started(it: process.Process) -> None:
    """Keep an idle process with what it had of this one when it was started, whatever has changed here since."""
    if it in _started and it.alive:
        it.renew()
        process._ahead.append((_started[it], it))
    else:
        it.close()


def _nothing_ahead(memory: int, loading: Sequence[str] = ()) -> Callable[[], None]:
    """Start nothing ahead of need, and close nothing that is kept."""
    return lambda: None


def _patch(keep: object, next_process: object, start_ahead: object, template: object) -> None:
    process._keep = keep
    process._template = template
    process.next_process = pool.next_process = next_process
    process.start_ahead = start_ahead


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Keep the processes of workers until this is left."""
    if not STATUS.exists():  # without /proc it is not known what a process would inherit
        yield
        return
    with process.keeping_processes():
        _patch(_keep_as_started, _kept_or_new, _nothing_ahead, _chosen)
        try:
            yield
        finally:
            _patch(_keep, _next_process, _start_ahead, _template)
            while _templates:
                _close(_templates.pop()[2])


def tidy() -> None:
    """Close those that died, and the oldest of too many."""
    for at in process._ahead[:]:
        if not at[1].alive:
            process._ahead.remove(at)
            at[1].close()
    while len(process._ahead) > KEPT:
        process._ahead.pop(0)[1].close()


@contextlib.contextmanager
def none_kept() -> Iterator[None]:
    """Have no process kept, and everything as it is for those who use the package."""
    keeping = process._keeping[:]
    now = process._keep, process.next_process, process.start_ahead, process._template
    process._close_ahead()
    process._keeping.clear()
    _patch(_keep, _next_process, _start_ahead, _template)
    try:
        yield
    finally:
        process._close_ahead()
        process._keeping[:] = keeping
        _patch(*now)
