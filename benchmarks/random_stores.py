"""Check on random sound stores that datacheck reads what the library reads, finds no fault and copies all records.

    python benchmarks/random_stores.py [--only leveldb] [--seeds N] [--from N]

The exit status is 1 if any differs; the seeds of those that do are printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

STORES = {"leveldb": "random_leveldb"}
"""By kind of store, the module of tests/ that writes such stores and compares datacheck with the library on them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(STORES))
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--from", type=int, default=0, dest="first")
    args = parser.parse_args()
    failed = 0
    for name in args.only.split(","):
        differences: Callable[[Path, int], list[str]] = import_module(STORES[name]).differences
        for seed in range(args.first, args.first + args.seeds):
            with tempfile.TemporaryDirectory() as work:
                said = differences(Path(work), seed)
            if said:
                failed += 1
                print(f"{name}, seed {seed}: {'; '.join(said)}", flush=True)
        print(f"{name}: {args.seeds} random stores looked at", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
