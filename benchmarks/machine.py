"""Measure how fast the machine itself maps, reads, checks and decodes. Other figures mean little without this.

    python benchmarks/machine.py STORE

Each speed is the best of a few runs of one process on the largest file of a store, in the page cache. `touch` maps it
and reads a byte of each page, `preadv` reads it into a reused buffer of 1 MiB. `crc32c` computes the checksum of 200 kB
at a time, and `decode` is the time to only decode a 256x256 JPEG, strictly and at 1/8 scale.
"""

from __future__ import annotations

import argparse
import mmap
import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import google_crc32c
import numpy as np
import stores

from datacheck.decoders.datum.message import parse

GOES = 3
PAGE = mmap.PAGESIZE
PIECE = 1 << 20
VALUE = 200_000
CHECKED = 1000
PICTURES = 200
MOST = 1 << 30
"""Maximum number of bytes of a file that are read."""


def described() -> str:
    """Return a description of the machine in one line."""
    model = platform.machine()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0))
    return (
        f"{model}, {cores} cores, {memory:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {date.today()}"
    )


def speeds(store: Path) -> dict[str, float]:
    """Return the speeds in GB/s for the largest file of a store, `decode` in microseconds, and the machine's `load`.

    It takes a file of the store because how a file was written decides how the page cache holds it.
    """
    files = [it for it in store.rglob("*") if it.is_file()] if store.is_dir() else [store]
    path = max(files, key=lambda it: it.stat().st_blocks)
    size = min(path.stat().st_size, MOST) // PAGE * PAGE
    make, chance = stores.jpegs(256), np.random.default_rng(2)
    pictures = [bytes(parse(make(chance, number))[0].data) for number in range(4)]
    file = os.open(path, os.O_RDONLY)
    try:
        return {
            "touch": size / 1e9 / best(lambda: touch(file, size)),
            "preadv": size / 1e9 / best(lambda: read(file, size)),
            "crc32c": CHECKED * VALUE / 1e9 / best(checksum),
            "decode": best(lambda: decode(pictures)) / PICTURES * 1e6,
            "load": os.getloadavg()[0],
        }
    finally:
        os.close(file)


def best(go: Callable[[], object]) -> float:
    """Return the least time of a few runs, in seconds."""
    taken = []
    for _ in range(GOES):
        started = time.perf_counter()
        go()
        taken.append(time.perf_counter() - started)
    return min(taken)


def touch(file: int, size: int) -> int:
    with mmap.mmap(file, size, prot=mmap.PROT_READ) as mapped:
        octets = np.frombuffer(mapped, np.uint8)
        total = int(octets[::PAGE].sum())
        del octets
    return total


def read(file: int, size: int) -> None:
    buffer = memoryview(bytearray(PIECE))
    for at in range(0, size, PIECE):
        os.preadv(file, [buffer], at)


def checksum() -> None:
    """Compute the checksum of bytes in the processor's cache, where bytes are that were just read."""
    octets = np.zeros(VALUE, np.uint8)
    for _ in range(CHECKED):
        google_crc32c.value(octets)


def decode(pictures: Sequence[bytes]) -> None:
    import simplejpeg

    for number in range(PICTURES):
        data = pictures[number % len(pictures)]
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=8)


def spelled(made: dict[str, float]) -> str:
    """Return the speeds as a short text."""
    return (
        f"touch {made['touch']:.1f}, preadv {made['preadv']:.1f}, CRC {made['crc32c']:.1f} GB/s, "
        f"decode {made['decode']:.0f} us, load {made['load']:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    args = parser.parse_args()
    print(described())
    print(spelled(speeds(args.store)))


if __name__ == "__main__":
    main()
