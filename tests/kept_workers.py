"""Keep worker processes from one test to the next, because starting one takes longer than most tests.

If no kept process fits, a template process that has loaded what workers need forks one, as in a user's scan
(`workers.template`).

`datacheck.workers.process` keeps processes for the sources of one scan; this module keeps them for the whole test run.
It also compares what a new process would inherit from this one besides the environment, so a test that sets a limit, a
umask or a signal gets new processes. A different working directory does not matter: a job changes to it. Tests of the
processes themselves have the mark `own_workers`.
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
from datacheck.workers import interpreter, pool, process, templates
from datacheck.workers.interface import Watch
from datacheck.workers.template import FORKS, Template

KEPT = 3
"""Maximum number of processes that are kept after a test."""
TEMPLATES = 4
"""Maximum number of circumstances that are remembered, with the template for each, if there is one."""
LOADING = [PAIRS, *(f"datacheck.backends.{kind}.loaded_ahead" for kind in ("lmdb", "leveldb", "hdf5"))]
OF_THE_CALLER = {"PYTEST_CURRENT_TEST", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "_DATACHECK_COMPLETE"}
"""Environment variables that affect the command or pytest, but not a worker."""
INHERITED = ("Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "CapEff", "Cpus_allowed")
LIMITS = sorted(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
STATUS = Path("/proc/self/status")

_next_process = process.next_process
_start_ahead = process.start_ahead
_keep = process._keep_or_close
_template = process.usable_template
_started: weakref.WeakKeyDictionary[process.Process, templates.Circumstances] = weakref.WeakKeyDictionary()
"""What each process inherited when it was started, and the folder that it is in now."""
_templates: list[tuple[tuple[object, ...], str, Template | None]] = []
"""(circumstances, folder, template), the last used at the end; no template yet for circumstances met only once."""
_forking = threading.local()


def _inherited() -> str:
    """Return what a process started now would inherit from this one, besides what `process` compares itself."""
    own = [line for line in STATUS.read_text().splitlines() if line.partition(":")[0] in INHERITED]
    limits = [resource.getrlimit(limit) for limit in LIMITS]
    return repr((own, limits, os.getpriority(os.PRIO_PROCESS, 0)))


def _all_circumstances(memory: int) -> templates.Circumstances:
    memory, place, _, path = templates.circumstances_now(memory)
    environment = {name: it for name, it in interpreter.environment().items() if name not in OF_THE_CALLER}
    return memory, place, {**environment, "": _inherited()}, path


def _go(folder: str, watch: Watch) -> None:
    os.chdir(folder)


def _sent(kept: process.Process, folder: str) -> bool:
    """Move an idle process to a folder; return whether it is there and waits for a job."""
    worker: process.Worker[str] = process.Worker(pickle.dumps(_go), kept)
    worker.give(folder)
    if worker.take() is not None or worker._process is not kept:
        worker.close()
        return False
    kept.renew()
    return True


def _kept_or_new(memory: int, loading: Sequence[str] = ()) -> process.Process:
    """Return a kept process if one fits, otherwise a new one; those that do not fit are kept for other tests."""
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
    """Return a process in this folder, forked by a template of these circumstances, or None without a template."""
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
    """Return a template and the folder that it is in, or None if these circumstances are met for the first time."""
    for at, (of, was, template) in enumerate(_templates):
        if of == circumstances:
            del _templates[at]
            if template is None or not template.alive:
                was, template = place, templates.new_template(memory, LOADING)
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
    """Return the template for the process started now: the one `_forked` found, or one in the same folder, or None."""
    known: Template | None = getattr(_forking, "template", None)
    if known is not None:
        return known
    memory, place, *wanted = _all_circumstances(memory)
    return next((it for of, was, it in _templates if (of, was) == ((memory, *wanted), place)), None)


def _keep_as_started(it: process.Process) -> None:
    """Keep an idle process under the circumstances in which it was started, whatever has changed here since."""
    if it in _started and it.alive:
        it.renew()
        process._ahead.append((_started[it], it))
    else:
        it.close()


def _nothing_ahead(memory: int, loading: Sequence[str] = ()) -> Callable[[], None]:
    """Replace `process.start_ahead`: start no process ahead of need, and close none that is kept."""
    return lambda: None


def _patch(keep: object, next_process: object, start_ahead: object, template: object) -> None:
    process._keep_or_close = keep
    process.usable_template = template
    process.next_process = pool.next_process = next_process
    process.start_ahead = start_ahead


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Keep worker processes until the context is left."""
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
    """Close the processes that died, and the oldest ones beyond KEPT."""
    for at in process._ahead[:]:
        if not at[1].alive:
            process._ahead.remove(at)
            at[1].close()
    while len(process._ahead) > KEPT:
        process._ahead.pop(0)[1].close()


@contextlib.contextmanager
def none_kept() -> Iterator[None]:
    """Keep no process within the context, and use the package's own functions, as for its users."""
    keeping = process._keeping[:]
    now = process._keep_or_close, process.next_process, process.start_ahead, process.usable_template
    process._close_ahead()
    process._keeping.clear()
    _patch(_keep, _next_process, _start_ahead, _template)
    try:
        yield
    finally:
        process._close_ahead()
        process._keeping[:] = keeping
        _patch(*now)
