"""Start the interpreter that is a worker, or the template of workers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

from datacheck.files import common

ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "OPENBLAS_NUM_THREADS": "1",
}
"""A worker is one thread among its fellows. And glibc gives freed memory back to the kernel at once, and has it zeroed
again for the next block: going through a gigabyte a block at a time then is mostly page faults (mallopt(3))."""

NOT_PASSED_ON = frozenset(
    f"PYTHON{name}"
    for name in ("WARNINGS", "INSPECT", "OPTIMIZE", "DEVMODE", "VERBOSE", "DEBUG", "TRACEMALLOC", "PROFILEIMPORTTIME")
)
"""What a worker does not get of its environment: with PYTHONWARNINGS=error a library's warning would be an error."""
RARELY = 50_000
"""Python looks for garbage each time so many more objects were made, until all is loaded, of which nothing is garbage:
a tenth of the time until the first task is done."""


def interpreter(
    kind: str, ends: Sequence[int], memory: int, loading: Sequence[str], errors: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """Start an interpreter that is a worker or a template, and gets these ends. Raises OSError."""
    by_main = int(threading.get_native_id() == os.getpid())
    words = ["-I" if sys.flags.isolated else "-P", "-c", _main(), kind, *map(str, (*ends, by_main, memory)), *loading]
    return subprocess.Popen(  # noqa: S603  (this interpreter and this module)
        [sys.executable, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if errors is None else errors,
        env=environment(),
        pass_fds=ends,
    )


def environment() -> dict[str, str]:
    """Return a worker's environment: the caller's, without what changes how Python runs what is judged.

    It tells where the file is that workers have in common.
    """
    passed_on = {name: it for name, it in os.environ.items() if name not in NOT_PASSED_ON}
    return {**passed_on, **ENVIRONMENT, **common.told()}


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
"""What such a process is, its first argument."""


def _main() -> str:
    """Return the code a worker starts with: it has the caller's path, and the caller's datacheck wherever that lies."""
    return _MAIN.format(path=sys.path, package=sys.modules["datacheck"].__file__, rarely=RARELY)
