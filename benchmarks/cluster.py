"""Compare a Dask cluster with local processes: the same scan, on as many workers of this machine.

    python benchmarks/cluster.py [--records 800000] [--runs 5]

The records are small, so that each task does little. The cluster is already running, like one that jobs share. The
benchmark compares the engines, with a connected client, and the whole commands, which also have to import distributed
and to connect. The runs are interleaved, the smallest of several counts, and the data is in the page cache; before
several there is one more, which does not count. Besides wall time it measures processor time, which other programs on
the machine affect less. Both include the cluster.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import stores
from distributed import Client, LocalCluster

import datacheck
from datacheck.engines import Dask

CORES = len(os.sched_getaffinity(0))
SCAN = (sys.executable, "-m", "datacheck", "scan", "--quiet")
TARGET = 1.15


def processors(cluster):
    """Return the processor time of this process, its ended children and the cluster's workers, in seconds."""
    used = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    for worker in cluster:
        used += sum(worker.cpu_times()[:4])
    return used


def measured(run, cluster):
    """Return the wall time and the processor time of a run, in seconds."""
    started, before = time.monotonic(), processors(cluster)
    run()
    seconds = time.monotonic() - started
    time.sleep(0.3)  # the processor time of a cluster worker's child counts only after the worker has waited for it
    return seconds, processors(cluster) - before


def compared(name, here, there, asked, cluster):
    if asked.runs > 1:
        here(), there()
    pairs = [(measured(here, cluster), measured(there, cluster)) for _ in range(asked.runs)]
    (wall, used), (far_wall, far_used) = (
        [min(it) for it in zip(*side, strict=True)] for side in zip(*pairs, strict=True)
    )
    print(f"{name:12} {wall:6.2f} s here {far_wall:6.2f} s on the cluster: {far_wall / wall:.2f} times", end="; ")
    print(f"of the processors {used:.2f} s and {far_used:.2f} s: {far_used / used:.2f} times")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=800_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=CORES, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        path = Path(folder, "store")
        stores.lmdb_store(path, stores.in_turn(stores.pixels(3, 32, 32), asked.records))
        workers = [psutil.Process(pid) for pid in client.run(os.getpid).values()]
        local = [*SCAN, str(path)]
        far = [*local, "--engine", "dask", "--scheduler", cluster.scheduler_address]
        print(f"{asked.records:,} records, {CORES} workers, target {TARGET} times")
        engines = (lambda: datacheck.scan(path)), (lambda: datacheck.scan(path, engine=Dask(client)))
        compared("the engine", *engines, asked, workers)
        commands = [
            lambda words=words: subprocess.run(words, check=True, stdout=subprocess.DEVNULL) for words in (local, far)
        ]
        compared("the command", *commands, asked, workers)


if __name__ == "__main__":
    main()
