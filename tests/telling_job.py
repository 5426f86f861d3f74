"""A job that reports what its tasks load, in its own module because a worker that loads a job loads its module."""

import sys

from datacheck.scanning.tasks import Job


class Telling(Job, frozen=True):
    """A job that returns the datacheck modules a task loaded, and its result; for a str, whether that is loaded."""

    def __call__(self, task, watch):
        if isinstance(task, str):
            return task in sys.modules
        before = set(sys.modules)
        result = super().__call__(task, watch)
        if not hasattr(result, "shards"):
            result = list(result) if hasattr(result, "__next__") else None
        return {it for it in set(sys.modules) - before if it.startswith("datacheck.")}, result
