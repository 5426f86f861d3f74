"""Compare a rebuild, with its scan and its verification, with the tool that merely copies such a store.

    python benchmarks/rebuild.py [--gigabytes 2] [--rounds 7] [--settle 1] [--json FILE] [NAME...]

    lmdb-raw         `mdb_copy -c` (Debian's lmdb-utils)
    leveldb-raw      a loop over plyvel, in batches of 4 MB
    hdf5-contiguous  `h5repack` (Debian's hdf5-tools)
    hdf5-gzip        the same, with chunks that neither decodes to copy them; a rebuild decodes them for its scan
    hdf5-dropped     the same, but the rebuild drops three rows, so that all chunks after them are new

The runs of both are interleaved. Times are those of whole processes, until all of the copy is on disk. The other tools
do not sync it, so the benchmark does. Besides wall time it measures processor time, which other work on the machine
affects less, and prints the least and the median of the rounds. A row whose tool is not installed is left out with a
message.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import machine
import numpy as np
import stores

from datacheck.backends.leveldb.writer import is_installed
from datacheck.decoders.datum.message import encode

SETTLE = 1.0
"""Default of the pause before each side, in seconds: memory that was just freed is cheaper to get than memory that the
host took."""
BAD = (37, 90, 150)
GZIP = {"chunks": (16, 3, 64, 64), "compression": "gzip", "shuffle": True}
ROW_BYTES = 3 * 64 * 64 * 4
PICTURE_BYTES = 3 * 256 * 256
LOOP = """
import sys, plyvel
source, copy = plyvel.DB(sys.argv[1]), plyvel.DB(sys.argv[2], create_if_missing=True)
batch, size = copy.write_batch(), 0
for key, value in source:
    batch.put(key, value)
    size += len(value)
    if size > 4 << 20:
        batch.write()
        batch, size = copy.write_batch(), 0
batch.write()
copy.close()
"""


@dataclass(frozen=True)
class Row:
    """How to build a store of a size in bytes, and the command that copies it; `tool` is what must be installed.

    `options` are those of the rebuild.
    """

    build: Callable[[Path, int], None]
    tool: str
    package: str
    copy: Callable[[Path, Path], list[str]]
    options: tuple[str, ...] = ()


def lmdb_raw(path: Path, size: int) -> None:
    import lmdb

    chance = np.random.default_rng(1)
    values = [encode(chance.integers(0, 256, (3, 256, 256), dtype=np.uint8), label) for label in range(10)]
    with lmdb.open(str(path), map_size=2 * size + (1 << 24)) as environment:
        for start in range(0, size // PICTURE_BYTES, 200):
            with environment.begin(write=True) as transaction:
                for number in range(start, min(start + 200, size // PICTURE_BYTES)):
                    transaction.put(b"%08d" % number, values[number % 10], append=True)


def leveldb_raw(path: Path, size: int) -> None:
    chance = np.random.default_rng(1)
    values = [encode(chance.integers(0, 256, (3, 256, 256), dtype=np.uint8), label) for label in range(10)]
    stores.leveldb_store(path, (values[number % 10] for number in range(size // PICTURE_BYTES)))


def hdf5(path: Path, size: int, **options: object) -> None:
    stores.hdf5_store(path, size // ROW_BYTES, **options)


def hdf5_dropped(path: Path, size: int) -> None:
    import h5py

    hdf5(path, size, **GZIP)
    with h5py.File(path, "r+") as file:
        for row in BAD:
            file["data"][row, 0, 0, 0] = np.nan


def mdb_copy(source: Path, target: Path) -> list[str]:
    target.mkdir()
    return ["mdb_copy", "-c", str(source), str(target)]


def h5repack(source: Path, target: Path) -> list[str]:
    return ["h5repack", str(source), str(target)]


ROWS = {
    "lmdb-raw": Row(lmdb_raw, "mdb_copy", "lmdb-utils", mdb_copy),
    "leveldb-raw": Row(leveldb_raw, "", "", lambda *paths: [sys.executable, "-c", LOOP, *map(str, paths)]),
    "hdf5-contiguous": Row(hdf5, "h5repack", "hdf5-tools", h5repack),
    "hdf5-gzip": Row(lambda path, size: hdf5(path, size, **GZIP), "h5repack", "hdf5-tools", h5repack),
    "hdf5-dropped": Row(hdf5_dropped, "h5repack", "hdf5-tools", h5repack, ("--drop-bad",)),
}


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Sync a file, or a folder and the files in it, to disk."""
    for it in (*(path.iterdir() if path.is_dir() else ()), path):
        descriptor = os.open(it, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def taken(words: Sequence[str], target: Path) -> tuple[float, float]:
    """Run a command that writes a copy, and sync the copy; return the wall and processor times in seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    flush(target)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(row: Row, home: Path, size: int, rounds: int, settle: float) -> dict[str, list[tuple[float, float]]]:
    """Return the wall and processor times of each side in each round."""
    source, target = home / "source", home / "copy"
    row.build(source, size)
    rebuilding = [sys.executable, "-m", "datacheck", "rebuild", "--no-config", *row.options, str(source), str(target)]
    took: dict[str, list[tuple[float, float]]] = {"tool": [], "datacheck": []}
    for _ in range(rounds):
        for side, its in took.items():
            time.sleep(settle)
            its.append(taken(row.copy(source, target) if side == "tool" else rebuilding, target))
            remove(target)
    remove(source)
    return took


def summed(its: Sequence[tuple[float, float]]) -> dict[str, float]:
    wall, cpu = zip(*its, strict=True)
    return {
        "wall": min(wall),
        "wall_median": statistics.median(wall),
        "cpu": min(cpu),
        "cpu_median": statistics.median(cpu),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ROWS)}; by default all")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of values in each store")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--settle", type=float, default=SETTLE, help="seconds of rest before each side")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    args = parser.parse_args()
    if unknown := set(args.names) - ROWS.keys():
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    print(machine.described())
    print("\n| rebuild of | the tool | datacheck | times the tool | processor: the tool | datacheck |")
    print("|---|---|---|---|---|---|")
    results, missing = {}, []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for name in args.names or ROWS:
            row = ROWS[name]
            if name == "leveldb-raw" and not is_installed():
                missing.append(f"{name}: left out, plyvel is not installed")
                continue
            if row.tool and shutil.which(row.tool) is None:
                missing.append(f"{name}: left out, {row.tool} is not installed (Debian: {row.package})")
                continue
            took = measure(row, Path(folder), int(args.gigabytes * 1e9), args.rounds, args.settle)
            tool, ours = (summed(took[side]) for side in ("tool", "datacheck"))
            results[name] = {"tool": tool, "datacheck": ours}
            cells = [f"{it['wall']:.2f} s ({it['wall_median']:.2f})" for it in (tool, ours)]
            cells += [f"{ours['wall'] / tool['wall']:.1f}"]
            cells += [f"{it['cpu']:.2f} s ({it['cpu_median']:.2f})" for it in (tool, ours)]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print("\nSeconds are the least of the rounds, and the median.")
    print(*missing, sep="\n")
    if args.json:
        args.json.write_text(json.dumps({"machine": machine.described(), "rows": results}, indent=2))


if __name__ == "__main__":
    main()
