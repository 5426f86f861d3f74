"""Measure how many workers one caller keeps up with, using workers that sleep for as long as a shard takes.

    python benchmarks/fold.py [--records 400000] [--shards 20] [--workers 1,2,4,8,16,32] [--json FILE]

One worker scans a store of raw Datum of 1x28x28, which gives the processor time of a shard and its tally. Then the
given number of workers are started, however few cores there are; for each shard they sleep for that time and send that
tally. The caller does what it does in a scan: it hands out tasks, puts tallies in order and adds them up. Its processor
time per shard, as a share of a worker's, says how many workers it could keep busy.
"""

from __future__ import annotations

import argparse
import json
import pickle
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import machine
import stores

from datacheck.backends import open_store
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning.line import in_order
from datacheck.scanning.profile.probing import take_profile
from datacheck.scanning.tasks import Check, Job, TakeLayout
from datacheck.workers.interface import Watch
from datacheck.workers.pool import Pool
from datacheck.workers.templates import WORKER_BYTES

SHORTEST = 1e-5
"""Shortest time that is reported, in seconds; some clocks do not resolve a shorter one."""


@dataclass(frozen=True)
class Timed:
    """A job that returns the result of a check with the processor time that it took, in seconds."""

    job: Job

    def __call__(self, task: Any, watch: Watch) -> Any:
        started = time.process_time()
        result = self.job(task, watch)
        return (result, time.process_time() - started) if isinstance(task, Check) else result


@dataclass(frozen=True)
class Sleeping:
    """A job that sleeps for as long as a shard takes, and returns the tally of one."""

    seconds: float
    tally: bytes

    def __call__(self, task: Any, watch: Watch) -> Any:
        time.sleep(self.seconds)
        return pickle.loads(self.tally)


@dataclass
class Fold:
    """The result for some workers: `parent` is the caller's processor time per shard, `share` its share of a worker's.

    Times are in seconds.
    """

    workers: int
    shards: int
    seconds: float
    parent: float
    share: float
    kept_busy: float
    """Share of the wall time that the workers were busy; the machine may have other things to do."""


def one_shard(path: Path) -> tuple[Check, bytes, float, int]:
    """Return the check of a shard, its pickled tally, its least processor time of five, and its number of records."""
    reader = open_store(path)
    with Pool(Timed(Job(reader, Settings())), 1, WORKER_BYTES) as pool:
        ((_, layout),) = pool.run([TakeLayout()])
        taken = take_profile(pool, layout)
        check = Check(layout.shards[len(layout.shards) // 2], taken.profile, stats=False)
        results = [result for _ in range(5) for _, result in pool.run([check])]
    tally = results[0][0]
    least = max(min(seconds for _, seconds in results), SHORTEST)
    return check, pickle.dumps(tally), least, tally.records


def fold(path: Path, check: Check, tally: bytes, seconds: float, workers: int, shards: int) -> Fold:
    """Let each worker send `shards` tallies, and add them up as a scan does."""
    reader = open_store(path)
    count = shards * workers
    report = Report(Source(str(path), "lmdb"), Settings())
    with Pool(Sleeping(seconds, tally), workers, WORKER_BYTES) as pool:
        pool.grow(workers)
        for _ in pool.run([check] * workers):  # wait until all have started and loaded what they need
            pass
        began, used = time.monotonic(), time.process_time()
        for _, made in in_order(pool, reader, (Check(check.shard, check.profile, stats=False) for _ in range(count))):
            report.add(made)
        parent = max(time.process_time() - used, SHORTEST) / count
        took = time.monotonic() - began
    return Fold(workers, count, seconds, parent, parent / seconds, min(1.0, count * seconds / workers / took))


def table(folds: list[Fold], records: int) -> str:
    each = folds[0].seconds
    lines = [
        f"a shard: {records:,} records, {1e3 * each:.2f} ms of a worker ({records / each / 1e6:.2f} million a second)",
        "",
        "| workers | shards | caller's time for a shard | as a share of a worker's | workers busy by the clock |",
        "|---|---|---|---|---|",
    ]
    lines += (
        f"| {it.workers} | {it.shards:,} | {1e3 * it.parent:.3f} ms | {it.share:.2%} | {it.kept_busy:.0%} |"
        for it in folds
    )
    return "\n".join([*lines, "", f"one caller keeps up with {int(1 / max(it.share for it in folds))} workers"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--shards", type=int, default=20, help="of each worker")
    parser.add_argument("--workers", default="1,2,4,8,16,32")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        stores.lmdb_store(path, stores.in_turn(stores.pixels(1, 28, 28), args.records))
        check, tally, seconds, records = one_shard(path)
        folds = [fold(path, check, tally, seconds, int(it), args.shards) for it in args.workers.split(",")]
    print(f"{machine.described()}\n\n{table(folds, records)}")
    if args.json:
        document = {"machine": machine.described(), "records": records, "folds": [asdict(it) for it in folds]}
        args.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
