"""What a Dask cluster costs beside processes of one's own: the same scan, on as many workers of this machine.

    python benchmarks/cluster.py [--records 800000] [--runs 3]

Small records, where little is done for each task. The cluster is up already, as one is that jobs share. The runs are
interleaved, the smallest of several counts, and the data is in the page cache.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import stores
from distributed import LocalCluster

CORES = len(os.sched_getaffinity(0))
SCAN = (sys.executable, "-m", "datacheck", "scan", "--quiet")
TARGET = 1.15


def seconds(command):
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=800_000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=CORES, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
    ):
        path = Path(folder, "store")
        stores.lmdb_store(path, stores.in_turn(stores.pixels(3, 32, 32), asked.records))
        local = [*SCAN, str(path)]
        far = [*local, "--engine", "dask", "--scheduler", cluster.scheduler_address]
        seconds(local)
        times = [(seconds(local), seconds(far)) for _ in range(asked.runs)]
    here, there = map(min, zip(*times, strict=True))
    print(f"{asked.records:,} records, {CORES} workers: {here:.2f} s here, {there:.2f} s on the cluster")
    print(f"{there / here:.2f} times (target {TARGET})")


if __name__ == "__main__":
    main()
