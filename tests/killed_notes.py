"""An engine in this process that takes chosen notes of its tasks for kills from outside."""

from killed_scans import Here, Unwatched

from datacheck.workers.interface import Death


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
            raise Killed(value)

    def rest(self):
        pass


def killing(kills, seen):
    """Return an engine that runs tasks here and kills them at these notes; `seen` gets the names of their tasks."""

    class Killing(Here):
        def watch(self, task):
            watch = KillingWatch(seen, kills, type(task).__name__)
            watch.note(None)
            return watch

        def steps(self, task):
            try:
                yield from super().steps(task)
            except Killed as kill:
                yield task, Death("SIGKILL", kill.args[0])

    return Killing
