"""Rebuild of a large LMDB against `mdb_copy -c`, side by side, interleaved; Debian's lmdb-utils has mdb_copy.

    python benchmarks/rebuild.py [--megabytes 1000] [--runs 3] [--json FILE]

Times include writing to disk (fsync): mdb_copy is followed by `sync FILE`, since it does not flush by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lmdb
import numpy as np

import datacheck
from datacheck.decoders.datum.message import encode

SETTLE = 4.0
"""Seconds of rest before each side: memory that was freed a moment ago is cheaper to get than memory the host took."""


def build(path: Path, megabytes: int) -> int:
    """Write raw Datum of 3x256x256; return how many."""
    random = np.random.default_rng(1)
    values = [encode(random.integers(0, 256, (3, 256, 256), dtype=np.uint8), label) for label in range(10)]
    count = megabytes * 1_000_000 // len(values[0])
    with lmdb.open(str(path), map_size=megabytes * 1_200_000 + (1 << 24)) as environment:
        for start in range(0, count, 200):
            with environment.begin(write=True) as transaction:
                for number in range(start, min(start + 200, count)):
                    transaction.put(b"%08d" % number, values[number % 10], append=True)
    return count


def timed(action) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def mdb_copy(source: Path, target: Path) -> None:
    target.mkdir()
    subprocess.run(["mdb_copy", "-c", source, target], check=True)
    flush(target / "data.mdb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    args = parser.parse_args()
    if shutil.which("mdb_copy") is None:
        sys.exit("mdb_copy is not installed (Debian: lmdb-utils)")
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        home = Path(folder)
        count = build(home / "source", args.megabytes)
        rows = []
        for run in range(args.runs):
            time.sleep(SETTLE)
            copied = timed(lambda: mdb_copy(home / "source", home / "copied"))
            shutil.rmtree(home / "copied")
            time.sleep(SETTLE)
            started = time.monotonic()
            receipt = datacheck.rebuild(home / "source", home / "rebuilt")
            rows.append((copied, receipt.seconds.copy, time.monotonic() - started))
            shutil.rmtree(home / "rebuilt")
            print(
                f"run {run + 1}: mdb_copy {copied:.2f} s, copy {rows[-1][1]:.2f} s, all {rows[-1][2]:.2f} s",
                flush=True,
            )
    best = [min(column) for column in zip(*rows, strict=True)]
    result = {
        "records": count,
        "megabytes": args.megabytes,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "mdb_copy": best[0],
        "copy": best[1],
        "all": best[2],
    }
    print("\n| | seconds | times mdb_copy |\n|---|---|---|")
    print(f"| `mdb_copy -c`, flushed | {best[0]:.2f} | 1.0 |")
    print(f"| copy phase | {best[1]:.2f} | {best[1] / best[0]:.1f} |")
    print(f"| scan, copy and verification | {best[2]:.2f} | {best[2] / best[0]:.1f} |")
    if args.json:
        args.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
