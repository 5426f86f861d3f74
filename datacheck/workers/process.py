"""Manage a worker as a process: start it, give it tasks, replace it when it dies."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pickle
import signal
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from datacheck.errors import WorkersFailed
from datacheck.files.scratch import small_file
from datacheck.workers.interface import ANOTHER_JOB, OWN_FAILURE, Death, Rested, Step, name_of_end
from datacheck.workers.interpreter import WORKER, interpreter
from datacheck.workers.limits import limit_hint, memory_limit, require_memory
from datacheck.workers.notes import Note, capacity, last_note
from datacheck.workers.pipes import PipeEnd, new_pipe, without_sigpipe
from datacheck.workers.template import Forked
from datacheck.workers.templates import (
    Circumstances,
    circumstances_now,
    close_templates,
    start_template,
    templates,
    usable_template,
)

T = TypeVar("T")
STARTS = 3
"""Maximum number of times that a process is started for a task if it ends before it has begun it."""
WORDS_BYTES = 1 << 20
"""Amount of standard error output, in bytes, above which it is dropped between two tasks."""


class Process:
    """A worker's process and the pipes to it; `memory` limits its private bytes.

    Until it gets a job, it loads what every job needs and the modules `loading`. It is forked by a template that has
    done so, unless it must be `fresh`. It ends when this process ends, in whatever way. Raises WorkersFailed if it
    cannot be started.
    """

    def __init__(self, memory: int, loading: Sequence[str] = (), *, fresh: bool = False) -> None:
        self.memory, self._loading, self._fresh = memory, loading, fresh
        self.used = 0.0
        self._unread = 0
        with contextlib.ExitStack() as own_ends, contextlib.ExitStack() as child_ends:
            try:
                self._start(own_ends, child_ends)
            except OSError as exc:
                raise WorkersFailed(f"{exc.strerror or exc}{limit_hint(exc.errno)}") from exc
            self._own_ends = own_ends.pop_all()
        _living.add(self)

    def _start(self, own_ends: contextlib.ExitStack, child_ends: contextlib.ExitStack) -> None:
        """Open the pipes and start the process; the ends in `child_ends` are closed here once it runs."""
        tasks, tasks_out = new_pipe()
        child_ends.callback(os.close, tasks)
        self._tasks = own_ends.enter_context(PipeEnd(tasks_out))
        results_in, results = new_pipe()
        child_ends.callback(os.close, results)
        self.results = own_ends.enter_context(PipeEnd(results_in))
        notes_in, notes = new_pipe()
        child_ends.callback(os.close, notes)
        self._notes = own_ends.enter_context(io.FileIO(notes_in))
        life, life_out = new_pipe()
        child_ends.callback(os.close, life)
        self.life = own_ends.enter_context(io.FileIO(life_out, "wb"))
        os.set_blocking(notes_in, False)
        os.set_blocking(notes, False)
        self._errors = small_file()
        if self._errors is not None:
            own_ends.enter_context(self._errors)
            fcntl.fcntl(self._errors, fcntl.F_SETFL, os.O_RDWR | os.O_APPEND)
        ends = (tasks, results, notes_in, notes, life)
        self._process = self._forked(ends) or interpreter(WORKER, ends, self.memory, self._loading, self._errors)

    def _forked(self, ends: Sequence[int]) -> Forked | None:
        """Return a process forked by the template, or None if there is no template that can fork it."""
        if self._fresh or self._errors is None or (template := usable_template(self.memory)) is None:
            return None
        try:
            return template.fork((*ends, self._errors.fileno()), self._loading)
        except OSError:
            return None

    def send(self, raw: bytes) -> None:
        """Send a job or a task. If the process is gone, this is noticed when its result is read."""
        if self._errors is not None and os.fstat(self._errors.fileno()).st_size > WORDS_BYTES:
            os.ftruncate(self._errors.fileno(), 0)
        if isinstance(self._process, Forked) and self._process.number is None:
            self._unread += len(raw)
            if self._unread > capacity(self._tasks.fileno()) // 2:  # it may never be read
                self._process.pid  # noqa: B018  (wait until it is forked, or its template is gone)
        with without_sigpipe(), contextlib.suppress(BrokenPipeError):
            self._tasks.send_bytes(raw)

    def wait(self) -> int | None:
        """Return how it ended, as subprocess's return code, or None if the system does not tell."""
        if self._process.returncode is None:
            try:
                if isinstance(self._process, Forked):
                    self._process.reap()
                    self.used = self._process.used
                else:
                    _, status, usage = os.wait4(self._process.pid, 0)
                    self._process.returncode = os.waitstatus_to_exitcode(status)
                    self.used = usage.ru_utime + usage.ru_stime
            except ChildProcessError:
                self._process.returncode = 0
                return None
        return self._process.returncode

    @property
    def forked(self) -> bool:
        return isinstance(self._process, Forked)

    def awaited(self) -> bool:
        """Check whether it has yet to be forked; a caller that waits for it must then check again."""
        return isinstance(self._process, Forked) and self._process.number is None and self._process.awaited()

    def last_note(self) -> Note | None:
        """Return its last note, or None if it never began a task."""
        return last_note(self._notes.fileno())

    def errors_tail(self) -> str:
        """Return the end of what it wrote to standard error, at most 4096 bytes."""
        if self._errors is None:
            return ""
        errors = self._errors.fileno()
        return os.pread(errors, 4096, max(0, os.fstat(errors).st_size - 4096)).decode("utf-8", "replace")

    def last_words(self) -> str:
        """Return the last line that it wrote to standard error."""
        lines = self.errors_tail().split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def kill(self) -> None:
        """Kill it; whoever waits for it will reap it."""
        if isinstance(self._process, Forked):
            self._process.kill()
        else:
            os.kill(self._process.pid, signal.SIGKILL)

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as the system tells."""
        return self._process.poll() is None

    def renew(self) -> None:
        """Make it wait for another job; it must be idle."""
        self.last_note()
        if self._errors is not None:
            os.ftruncate(self._errors.fileno(), 0)
        self.send(ANOTHER_JOB)

    def close(self) -> None:
        """Kill it, whatever it is doing."""
        with self._own_ends:
            self._process.kill()
            self.wait()


_living: weakref.WeakSet[Process] = weakref.WeakSet()


def _close_inherited() -> None:
    """Close the ends inherited by a process that the caller forked, so that they keep no worker alive."""
    for process in list(_living):
        process.life.close()
    templates.clear()


os.register_at_fork(after_in_child=_close_inherited)


_ahead: list[tuple[Circumstances, Process]] = []
"""Idle processes that were started before their job was known, or that are kept for another job."""
_keeping: list[None] = []
"""One entry for each caller that wants processes to be kept."""


def start_ahead(memory: int, loading: Sequence[str] = ()) -> Callable[[], None]:
    """Start the process of the next worker with this memory limit, while the caller is still loading.

    If it can be forked, it loads the modules `loading` meanwhile, once for all workers. Return the function to call at
    the end, which closes the processes that were not used.
    """
    require_memory()
    start_template(memory)
    with contextlib.suppress(WorkersFailed, OSError):  # whoever needs a process will try again, and report it
        if (template := usable_template(memory)) is not None:
            template.prepare(loading)
        _ahead.append((circumstances_now(memory), Process(memory, loading)))
    return _close_ahead


def _close_ahead() -> None:
    kept = list(iter(_pop_ahead, None))
    for process in [it for _, it in kept if it.alive]:  # all end in parallel
        process.kill()
    for _, process in kept:
        process.close()
    close_templates()


def _pop_ahead() -> tuple[Circumstances, Process] | None:
    """Remove and return the last of the idle processes, or None if none is left; other threads may take them, too."""
    try:
        return _ahead.pop()
    except IndexError:
        return None


@contextlib.contextmanager
def keeping_processes() -> Iterator[None]:
    """Keep the processes of finished workers for the next ones: starting one costs as much as a small store."""
    _keeping.append(None)
    try:
        yield
    finally:
        _keeping.pop()
        if not _keeping:
            _close_ahead()


def next_process(memory: int, loading: Sequence[str] = ()) -> Process:
    """Return an existing process if it was started under the present circumstances, otherwise a new one.

    A new one loads the modules `loading` while it waits for its job.
    """
    while (kept := _pop_ahead()) is not None:
        circumstances, process = kept
        if circumstances == circumstances_now(memory) and process.alive:
            return process
        process.close()
    return Process(memory, loading)


def _keep_or_close(process: Process) -> None:
    """Keep the idle process of a worker that is done, if that is wanted; otherwise close it."""
    if _keeping and process.alive:
        process.renew()
        _ahead.append((circumstances_now(process.memory), process))
    else:
        process.close()


NOT_YET = object()
"""Result of a worker that had to be restarted: its task is still to be done."""


class Worker(Generic[T]):
    """One worker: a process, replaced by a new one whenever it dies."""

    def __init__(self, job: bytes, process: Process) -> None:
        self._job, self._process = job, process
        self._task = b""
        self._starts = 1
        self._results_read = 0
        """Number of tasks that the process has done and whose results were read."""
        self._ended = self._idle = self._stepped = False
        """Flags of its state. `_idle`: it has done a task and has no other, so everything that it sent was read.
        `_stepped`: it has sent some of the values that its task yields."""
        self._process.send(job)

    @property
    def results(self) -> PipeEnd:
        return self._process.results

    def awaited(self) -> bool:
        """Check whether its process is still to be forked."""
        return self._process.awaited()

    def give(self, task: T) -> None:
        self.give_pickled(pickle.dumps(task))

    def give_pickled(self, task: bytes) -> None:
        self._task, self._idle, self._stepped = task, False, False
        self._process.send(self._task)

    def take(self) -> Any:
        """Return the result of the current task: what the job returned, a Failure, a Death, a Step or NOT_YET.

        After a death the worker is a new process. Raises WorkersFailed if processes repeatedly end before they begin
        the task.
        """
        try:
            raw = self.results.recv_bytes()
        except (EOFError, OSError):
            return self._replace_dead()
        self._starts = 0
        result = pickle.loads(raw)  # noqa: S301  (our own worker's)
        self._idle = not isinstance(result, Step)
        self._stepped = not self._idle
        self._results_read += self._idle
        return result

    def end(self) -> None:
        """Kill the process while another thread waits for its result, which raises WorkersFailed there."""
        self._ended = True
        self._process.kill()

    def _replace_dead(self) -> Any:
        if self._ended:
            raise WorkersFailed("nobody wants its result any more")
        status = self._process.wait()
        signal_name = name_of_end(status)
        note = self._process.last_note()
        words = self._process.last_words()
        trace = (self._process.errors_tail() or signal_name) if status == OWN_FAILURE else ""
        self._process.close()
        begun = note is not None and note.value != Rested(self._results_read)
        if status is None and not self._stepped and self._process.forked:
            begun = False  # it may have died with its template: run the task again in a process of its own
        death = Death(signal_name, words=words)
        if note is not None:
            share = (self._process.used - note.used) / max(time.monotonic() - note.clock, 1e-3)
            place = None if isinstance(note.value, Rested) else note.value
            death = Death(signal_name, place, words, trace, share=share)
        if not begun and self._starts >= STARTS:
            limit = memory_limit(self._process.memory).words
            raise WorkersFailed(f"it ends at once with {death.signal} ({death.words}); it may have {limit}")
        self._process = Process(self._process.memory, fresh=not begun)
        self._process.send(self._job)
        self._results_read = 0
        self._starts = 1 if begun else self._starts + 1
        if begun:
            return death
        self._process.send(self._task)
        return NOT_YET

    def close(self) -> None:
        """Kill the process, whatever it is doing."""
        self._process.close()

    def leave(self) -> None:
        """Give up the process: keep it for another job if that is wanted and it is idle, otherwise kill it."""
        if self._idle:
            _keep_or_close(self._process)
        else:
            self._process.close()
