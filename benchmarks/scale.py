"""Measure by simulation how many tasks a second the parent of a scan keeps up with, and how much memory it needs.

Synthetic tallies are handled like real ones: they are pickled as a worker sends them, put in the order of the source
and added up, their findings are kept, and marks are written into a growing report. The work of workers is left out.

    python benchmarks/scale.py --tasks 1000000
"""

import argparse
import os
import pickle
import resource
import tempfile
import time
from collections import Counter, deque
from pathlib import Path

from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.model.blocks import Layout, Position, Shard
from datacheck.model.finding import found
from datacheck.model.profile import Profile
from datacheck.model.settings import Settings
from datacheck.reporting.files import Reports
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally
from datacheck.scanning.earlier.resuming import Resumable
from datacheck.scanning.line import in_order
from datacheck.scanning.tasks import Check
from datacheck.statistics.exact_sums import FieldStatistics

RECORDS = 10_000
"""Records per task, so that a million tasks have ten billion records."""
CLASSES = 1000
BAD_EVERY = 100
"""Number of tasks of which one has a bad record."""
PATTERN = Pattern(b"image-", b"", 10)


class Instant:
    """An engine without workers: the result of a task is made, pickled and unpickled when it is asked for."""

    count = 1000

    def run(self, tasks):
        waiting = tasks if isinstance(tasks, deque) else deque(tasks)
        while waiting:
            task = waiting.popleft()
            yield task, pickle.loads(sent(task.start // RECORDS))


def sent(number):
    return pickle.dumps(result(number))


def apart(tasks):
    """Return the processor time for making the results of `tasks` tasks, which workers do in a scan, in seconds."""
    started = time.process_time()
    for number in range(2000):
        sent(number)
    return (time.process_time() - started) * tasks / 2000


def result(number):
    """Return what a worker sends for one shard: statistics, label counts, runs of keys and occasionally a finding."""
    tally = Tally(records=RECORDS, checked=RECORDS)
    labels = dict.fromkeys(range(CLASSES), RECORDS // CLASSES)
    tally.statistics = {
        "data": FieldStatistics(0.5, True, RECORDS * 150528, 0.0, 255.0, 12 << 1126, 34 << 1126),
        "label": FieldStatistics(0.0, True, RECORDS, 0, CLASSES - 1, 5 << 1126, 6 << 1126, label=True, counts=labels),
    }
    runs = Runs([(number * RECORDS, number * RECORDS + RECORDS)])
    tally.keys = {"": Account(RECORDS, 0, {PATTERN: runs})}
    tally.account = Counter(pages=RECORDS, leaves=300)
    if not number % BAD_EVERY:
        tally.findings.extend([found("nan", "1 of 150,528 values is NaN", field="data")], ["00000041"], [41])
        tally.codes["nan"] += 1
        tally.verdicts["bad"] += 1
    return tally


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=100_000)
    tasks = parser.parse_args().tasks
    shards = [Shard("", None, Position(b"image-%010d" % (it * RECORDS))) for it in range(tasks)]
    print(f"{tasks:,} shards of the layout: {resident() >> 20} MiB")
    raw = len(pickle.dumps(result(0)))
    task = len(pickle.dumps(Check(shards[0], Profile())))
    report = Report(Source("simulated", "lmdb"), Settings())
    layout = Layout(shards, (), tasks * RECORDS, None)
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder, Reports([Path(folder, "r.jsonl")], []) as files:
        listen = files.begin(report)
        resumable = Resumable(files.journal(), report, layout)
        checks = (Check(shard, Profile(), start=number * RECORDS) for number, shard in enumerate(shards))
        for check, tally in in_order(Instant(), None, resumable.left(checks, None)):
            resumable.reach(check)
            before = len(report.findings)
            listen(report.add(tally))
            resumable.passed(tally, len(report.findings) - before, doubtful=False)
        resumable.end()
        marks = next(Path(folder).glob("*.partial")).stat().st_size
        seconds = time.process_time() - started - apart(tasks)
    print(f"{tasks / seconds:,.0f} tasks a second ({seconds:.0f} s of one processor), {tasks * RECORDS:,} records")
    print(f"a task {task:,} bytes, a result {raw:,} bytes, marks {marks / tasks:,.0f} bytes a shard")
    print(f"{len(report.findings):,} findings; at most {peak() >> 20} MiB resident")


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


if __name__ == "__main__":
    main()
