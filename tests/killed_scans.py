"""Run scans that are killed while they write, each resuming the one before; after one finishes, start anew.

Run it as a program with the kind of store, its path, the report, the number of kills and the seed. It prints the number
of scans that finished. A kind may be followed by an option for the scan, as in "lmdb+duplicates".
"""

import os
import random
import signal
import sys
from collections import deque
from pathlib import Path

from datacheck import open_store, scan
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.files.output import Output
from datacheck.reporting.json_files import JsonLinesSink
from datacheck.scanning.earlier import resuming
from datacheck.workers.interface import Death, Step


class Here:
    """An engine that runs its tasks in this process, one after the other."""

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
            yield from self.steps(waiting.popleft())

    def steps(self, task):
        """Yield a task with each of its steps, and with its result."""
        result = self.job(task, self.watch(task))
        while hasattr(result, "send"):
            try:
                yield task, Step(next(result))
            except StopIteration as stop:
                result = stop.value
        yield task, result

    def watch(self, task):
        """Return the watch of a task."""
        return Unwatched()


class Unwatched:
    """A watch whose notes are not used."""

    timeout, patience, last = None, 1, None

    def note(self, value):
        self.last = value

    def loaded(self):
        pass


def killed_at(name, times):
    """Return an engine whose workers are killed at the end of tasks with this name, the given number of times."""
    left = [times]

    class Killed(Here):
        def run(self, tasks):
            for task, result in super().run(tasks if isinstance(tasks, deque) else deque(tasks)):
                dies = type(task).__name__ == name and not isinstance(result, Step) and left[0] > 0
                left[0] -= dies
                yield task, Death("SIGKILL") if dies else result

    return lambda job, workers, engine=None: Killed(job, workers, None)


def options(kind, path=""):
    kind, _, more = kind.partition("+")
    its = {"duplicates": True} if more == "duplicates" else {"if_changed": f"{path}.json"} if more else {}
    return {**({} if more else {"batch_size": 4}), "stats": kind != "leveldb", **its}


def sources(kind, path):
    """Return the sources to scan: for LMDB two to four stores, in shards of a few records."""
    if kind.startswith("lmdb"):
        more = [LmdbReader(it, 2500) for it in map(Path, (path + "3", path + "4")) if it.exists()]
        return [LmdbReader(Path(path), 2000), LmdbReader(Path(path + "2"), 3000), *more]
    return open_store(path)


def die_at(calls, rng):
    """Make the process kill itself at call number `calls` that writes, with none, some or all of it written."""
    left = [calls]

    def dying(function, write):
        def call(sink, *args):
            left[0] -= 1
            if left[0] > 0:
                return function(sink, *args)
            if write and rng.random() < 0.7:
                before = sink._file.tell()
                function(sink, *args)
                sink._file.flush()
                end = sink._file.tell()
                sink._file.truncate(rng.randint(before, end) if end > before else end)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

        return call

    JsonLinesSink.mark = dying(JsonLinesSink.mark, True)
    JsonLinesSink.add = dying(JsonLinesSink.add, True)
    JsonLinesSink.finish = dying(JsonLinesSink.finish, True)
    Output.begin_anew = dying(Output.begin_anew, False)
    Output.publish = dying(Output.publish, False)


def main(kind, path, report, kills, seed):
    rng = random.Random(seed)
    killed = ended = 0
    while killed < kills:
        pid = os.fork()
        if not pid:
            resuming.MARK_SECONDS = rng.choice([0, 0, 0.002])
            die_at(rng.choice([1, 2, 3, 5, 8, 13, 21]), rng)
            scan(sources(kind, path), engine=Here, resume=report, workers=1, **options(kind, path))
            os._exit(0)
        rng.random()
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            killed += 1
        else:
            assert status == 0, status
            ended += 1
            yield ended
    scan(sources(kind, path), engine=Here, resume=report, workers=1, **options(kind, path))
    yield ended + 1


if __name__ == "__main__":
    kind, path, report, kills, seed = sys.argv[1:]
    for number, _ in enumerate(main(kind, path, report, int(kills), int(seed))):
        Path(report).rename(f"{report}.{number}")
    # a scan that is killed while it writes the finished report leaves a partial one under a hidden name
    assert not list(Path(report).parent.glob("[!.]*partial*" if "+" in kind else "*partial*"))
    sys.stdout.write(str(number + 1))
