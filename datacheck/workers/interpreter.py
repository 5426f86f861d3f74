"""Start the interpreter that becomes a worker, or a template of workers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from datacheck.files import common

if TYPE_CHECKING:
    import subprocess

MAPPED_BYTES, FREED_BYTES = 32 << 20, 64 << 20
ENVIRONMENT = {
    "BLOSC_NTHREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(MAPPED_BYTES),
    "MALLOC_TRIM_THRESHOLD_": str(FREED_BYTES),
    "OPENBLAS_NUM_THREADS": "1",
}
"""A worker uses one thread, since others run beside it. By default, glibc returns freed memory to the kernel at once,
which zeroes it again for the next block; reading a gigabyte block by block then is mostly page faults (mallopt(3))."""

NOT_PASSED_ON = frozenset(
    f"PYTHON{name}"
    for name in ("WARNINGS", "INSPECT", "OPTIMIZE", "DEVMODE", "VERBOSE", "DEBUG", "TRACEMALLOC", "PROFILEIMPORTTIME")
)
"""Environment variables that a worker does not inherit: with PYTHONWARNINGS=error, a library's warning would be an
error."""
RARELY = 250_000
"""Number of new objects after which Python collects garbage while a process loads its modules: more than it makes then.
Nothing loaded is garbage; this saves a tenth of the time until the first task is done."""


def interpreter(
    kind: str, ends: Sequence[int], memory: int, loading: Sequence[str], errors: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """Start an interpreter that becomes a worker or a template and inherits these descriptors. Raises OSError."""
    import subprocess  # imported here since a command that forks its template itself does not need it

    by_main = int(threading.get_native_id() == os.getpid())
    arguments = [
        "-I" if sys.flags.isolated else "-P",
        "-c",
        _main(),
        kind,
        *map(str, (*ends, by_main, memory)),
        *loading,
    ]
    return subprocess.Popen(  # noqa: S603  (this interpreter and this module)
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if errors is None else errors,
        env=environment(),
        pass_fds=ends,
    )


def environment() -> dict[str, str]:
    """Return a worker's environment: the caller's, without variables that change how Python runs.

    It includes the path of the file that workers share.
    """
    passed_on = {name: it for name, it in os.environ.items() if name not in NOT_PASSED_ON}
    return {**passed_on, **ENVIRONMENT, **common.worker_environment()}


_MAIN = """
import gc, sys
collecting = gc.get_threshold()
gc.set_threshold({rarely})
sys.path[:] = {path!r}
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("datacheck", {package!r})
sys.modules["datacheck"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from datacheck.workers.begin import begin
import numpy
begin(sys.argv[1:], collecting)
"""
WORKER, TEMPLATE = "worker", "template"
"""Kinds of such a process; the kind is its first argument."""


def _main() -> str:
    """Return the code that a worker starts with, which uses the caller's import path and copy of datacheck."""
    return _MAIN.format(path=sys.path, package=sys.modules["datacheck"].__file__, rarely=RARELY)
