"""Measure in which share of damaged arrays without a checksum a scan finds anything.

    python benchmarks/detection_arrays.py [--trials 300]

For each kind of damage an LMDB of raw arrays is written in which one record in ten has it. The seeds are fixed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import lmdb
import numpy as np
from detection import photo
from numpy.typing import NDArray

import datacheck

FEATURES, PIXELS = (60, 60), (120, 120)
PARTS = 10
"""Number of records of which one is damaged."""
PAGE = 4096
Damage = Callable[[bytes, np.random.Generator], bytes]


def features(seed: int) -> NDArray[np.float32]:
    """Return normally distributed numbers, like features, latents and weights."""
    return np.random.default_rng(seed).normal(size=FEATURES).astype("<f4")


def pixels(seed: int) -> NDArray[np.uint8]:
    """Return a piece of a photo."""
    at = seed % 130
    return np.ascontiguousarray(photo(seed % 40)[at : at + PIXELS[0], at : at + PIXELS[1], 1])


def over(size: int, *, noise: bool) -> Damage:
    def damage(value: bytes, rng: np.random.Generator) -> bytes:
        at = int(rng.integers(0, len(value) - size))
        return value[:at] + (rng.bytes(size) if noise else bytes(size)) + value[at + size :]

    return damage


def page(value: bytes, rng: np.random.Generator) -> bytes:
    at = PAGE * int(rng.integers(0, len(value) // PAGE))
    return value[:at] + bytes(PAGE) + value[at + PAGE :]


def flipped(value: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(value)
    out[int(rng.integers(len(value)))] ^= 1 << int(rng.integers(8))
    return bytes(out)


DAMAGES: dict[str, Damage] = {
    "sound (false alarms)": lambda value, rng: value,
    "last 2 bytes missing": lambda value, rng: value[:-2],
    "1 bit flipped": flipped,
    "64 zero bytes": over(64, noise=False),
    "a page of 4096 bytes zeroed": page,
    "all bytes 0": lambda value, rng: bytes(len(value)),
    "64 random bytes": over(64, noise=True),
    "shifted by one byte": lambda value, rng: b"\0" + value[:-1],
    "the other byte order": lambda value, rng: np.frombuffer(value, "<f4").byteswap().tobytes(),
    "an error page in the place of the array": lambda value, rng: b"<html>404 Not Found</html>".ljust(len(value)),
}


def measure(make: Callable[[int], NDArray[np.float32] | NDArray[np.uint8]], trials: int) -> dict[str, float]:
    """Return the share of damaged records that are in the report, by damage."""
    shares = {}
    for number, (name, damage) in enumerate(DAMAGES.items()):
        rng = np.random.default_rng([number, trials])
        with tempfile.TemporaryDirectory() as folder:
            with lmdb.open(folder, map_size=1 << 30) as env, env.begin(write=True) as txn:
                for at in range(trials * PARTS):
                    value = make(at).tobytes()
                    broken = at % PARTS == 0
                    txn.put(b"%05d" % at, damage(value, rng) if broken else value)
            kind, shape = ("f4", FEATURES) if make is features else ("u1", PIXELS)
            array = f"{kind}:{','.join(map(str, shape))}"
            report = datacheck.scan(Path(folder), array=array, workers=1)
        found = {it.key for it in report.findings if it.key is not None}
        assert all(int(it) % PARTS == 0 for it in found), found
        shares[name] = len(found) / trials
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=300, help="damaged records in each cell")
    trials = parser.parse_args().trials
    tables = {"float32 60x60": measure(features, trials), "uint8 120x120": measure(pixels, trials)}
    print("| raw arrays: damage |", " | ".join(tables), "|")
    print("|---|---|---|")
    for name in DAMAGES:
        print("|", name, "|", " | ".join(f"{100 * table[name]:.0f} %" for table in tables.values()), "|")


if __name__ == "__main__":
    main()
