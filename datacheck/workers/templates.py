"""Keep the process that forks workers, which is started early and while little is loaded.

So this module imports neither what starts workers nor what pickles their tasks.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence

from datacheck.workers.interpreter import TEMPLATE, interpreter
from datacheck.workers.own_fork import Loading, fork_template, is_bare
from datacheck.workers.template import FORKS, Template

WORKER_BYTES = 4 << 30
"""Private memory that a worker of a scan may have, in bytes; records that need more are `too-large`."""
Circumstances = tuple[int, str, dict[str, str], list[str]]
templates: list[tuple[Circumstances, Template]] = []
"""At most one template, which forks processes under the circumstances in which it was started."""


def start_template(memory: int, start: Callable[[int], Template] | None = None) -> Callable[[], None]:
    """Start the process that will fork workers with this memory limit, unless there is one.

    It begins to load what all workers need. `start` makes it from the limit, in place of `new_template`. Return the
    function to call at the end, which closes it.
    """
    if FORKS and usable_template(memory) is None:
        with contextlib.suppress(OSError):  # workers are then started one by one
            templates.append((circumstances_now(memory), (start or new_template)(memory)))
    return close_templates


def own_template(memory: int, collecting: tuple[int, ...], loading: Loading) -> Template:
    """Return a new template that is a fork of this process, or a fresh interpreter if a fork is not as good as that.

    `loading` returns the modules to load in a fork, and `collecting` are the thresholds of garbage collection to use
    after loading. Raises OSError.
    """
    if not is_bare():
        return new_template(memory)
    return Template(lambda ends: fork_template(ends, memory, collecting, loading))


def new_template(memory: int, loading: Sequence[str] = ()) -> Template:
    """Return a new template that loads these modules before it forks its first worker. Raises OSError."""
    return Template(lambda ends: interpreter(TEMPLATE, ends, memory, loading, None))


def usable_template(memory: int) -> Template | None:
    """Return the template started under the present circumstances, or None; close any other."""
    for circumstances, template in tuple(templates):
        if circumstances == circumstances_now(memory) and template.alive:
            return template
        close_templates()
    return None


def close_templates() -> None:
    """Close the template as soon as it has no children."""
    with contextlib.suppress(IndexError):  # other threads may close them, too
        while True:
            templates.pop()[1].close()


def circumstances_now(memory: int) -> Circumstances:
    """Return what a process with this memory limit inherits from this one."""
    try:
        place = os.getcwd()  # noqa: PTH109  (a str is all that is needed)
    except OSError:  # it was removed
        place = ""
    return memory, place, dict(os.environ), list(sys.path)
