"""An engine in this process that takes chosen notes of its tasks for kills from outside."""

from collections import deque

from killed_scans import Unwatched

from datacheck.workers.interface import Death, Step


class Killed(BaseException):
    """Ends a task like SIGKILL; a BaseException, so that no `except Exception` catches it."""


class KillingWatch(Unwatched):
    """A watch that ends its task at some of the notes that all tasks leave, counted from 1; `seen` has their tasks."""

    def __init__(self, seen, kills, task):
        self.seen, self.kills, self.task, self.last = seen, kills, task, None

    def note(self, value):
        super().note(value)
        self.seen.append(self.task)
        if len(self.seen) in self.kills:
            raise Killed

    def rest(self):
        pass


def killing(kills, seen):
    """Return an engine that runs tasks here and kills them at these notes; `seen` gets the names of their tasks."""

    class Killing:
        name = "local"

        def __init__(self, job, workers, memory):
            self.job, self.count = job, 1

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            pass

        def grow(self, workers):
            pass

        def run(self, tasks):
            waiting = tasks if isinstance(tasks, deque) else deque(tasks)
            while waiting:
                task = waiting.popleft()
                watch = KillingWatch(seen, kills, type(task).__name__)
                steps = self._steps(task, watch)
                while True:
                    try:
                        step = next(steps)
                    except StopIteration as stop:
                        yield task, stop.value
                        break
                    except Killed:
                        yield task, Death("SIGKILL", watch.last)
                        break
                    yield task, Step(step)

        def _steps(self, task, watch):
            watch.note(None)
            result = self.job(task, watch)
            return (yield from result) if hasattr(result, "send") else result

    return Killing
