"""Run in a template's process (`template`): the loop that forks workers."""

from __future__ import annotations

import gc
import os
import pickle
import socket
from collections.abc import Sequence
from typing import Any

from datacheck.workers.lifetime import end_with_caller, reset_signals
from datacheck.workers.limits import bound_memory, use_all_files
from datacheck.workers.serve import ENDS, load_modules, own_failures, serve
from datacheck.workers.template import FORK, LOAD, LOOK, MESSAGE_BYTES


def fork_workers(
    channel: int, life: int, by_main: bool, memory: int, collecting: tuple[int, ...], loading: Sequence[str]
) -> None:
    """Load modules, then load more, fork a worker or report how one ended, whenever the caller asks for it."""
    with own_failures():
        reset_signals()
        end_with_caller(life, with_thread=by_main)
        use_all_files()
        bound_memory(memory)
        _load_for_children(loading)
        link = socket.socket(fileno=channel)
        while True:
            raw, ends, _, _ = socket.recv_fds(link, MESSAGE_BYTES, ENDS + 1, socket.MSG_CMSG_CLOEXEC)
            if not raw:
                return
            number, request, *arguments = pickle.loads(raw)  # noqa: S301  (our own caller's)
            if request == LOAD:
                _load_for_children(arguments)
                continue
            answer = (
                _fork_worker(link, life, ends, memory, collecting, arguments)
                if request == FORK
                else _end_of(request, arguments[0])
            )
            link.send(pickle.dumps((number, answer)))


def _load_for_children(modules: Sequence[str]) -> None:
    load_modules(modules)
    gc.freeze()  # keeps the pages of loaded modules shared between all children


def _fork_worker(
    link: socket.socket,
    life: int,
    ends: Sequence[int],
    memory: int,
    collecting: tuple[int, ...],
    loading: Sequence[str],
) -> int:
    """Return the process id of a new worker, or 0 if the system refuses; the caller then learns it from the pipes."""
    try:
        pid = os.fork()
    except OSError:
        pid = 0
    else:
        if not pid:
            try:
                link.close()
                os.close(life)
                _be_worker(ends, memory, collecting, loading)
            finally:
                os._exit(0)
    for end in ends:
        os.close(end)
    return pid


def _be_worker(ends: Sequence[int], memory: int, collecting: tuple[int, ...], loading: Sequence[str]) -> None:
    """Run as a worker, with its descriptors and the one that becomes its standard error."""
    with own_failures():
        *ends, errors = ends
        os.dup2(errors, 2)
        os.close(errors)
    serve(ends, True, memory, collecting, loading)


def _end_of(request: str, pid: int) -> Any:
    """Return a worker's exit code and processor time, () if it still runs, or None if there is no such child."""
    try:
        found, status, usage = os.wait4(pid, os.WNOHANG if request == LOOK else 0)
    except ChildProcessError:
        return None
    return (os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime) if found else ()
