"""A pool without processes, for tests of what the results and deaths of tasks lead to."""

import pickle
from types import SimpleNamespace

from datacheck.model.settings import Settings
from datacheck.workers.interface import Death, Step


class Inline:
    """A pool of `count` workers that runs its tasks in this process, one after the other.

    `dies` tells from a note whether the worker dies after it.
    """

    def __init__(self, reader, dies=lambda note: False, timeout=10.0, count=1):
        self.job = SimpleNamespace(reader=reader, settings=Settings(timeout=timeout))
        self.dies, self.last, self.tasks, self.count = dies, None, 0, count

    def note(self, value):
        self.last = pickle.loads(pickle.dumps(value))
        if value is not None and self.dies(value):
            raise KilledError

    def run(self, tasks):
        for task in tasks:
            self.tasks += 1
            steps = task.run(self.job, self)
            try:
                while True:
                    yield task, Step(pickle.loads(pickle.dumps(next(steps))))
            except StopIteration as stop:
                yield task, pickle.loads(pickle.dumps(stop.value))
            except KilledError:
                yield task, Death("SIGALRM", self.last)


class KilledError(BaseException):
    """Stands for a signal, so nothing catches it."""
