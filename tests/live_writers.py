"""Write sound values to a store continuously, for four minutes or until told to stop.

    python live_writers.py KIND PATH STOP

STOP is the path of a file. The writer creates STOP.ready once there is a store, and ends when STOP exists. All records
in the store are sound at any time, whoever reads them.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np

SECONDS = 240
COUNT = 300
PAUSE = 0.001
"""Seconds between two changes. A scan sees some hundred changes, and the writer leaves the processor to it."""
Going = Callable[[], bool]


def npy(number: int, width: int) -> bytes:
    """Return the bytes of a sound .npy array of shape (width,), with values that depend on `number`."""
    file = BytesIO()
    np.save(file, np.random.default_rng(number).normal(size=(width,)).astype(np.float32))
    return file.getvalue()


VALUES = [npy(number, 3000) for number in range(20)]


def lmdb(path: Path, going: Going, ready: Callable[[], None]) -> None:
    """Overwrite, delete and add records, a few per transaction; pages are reused after two transactions."""
    import lmdb as library

    chance = random.Random(1)
    with library.open(str(path), map_size=1 << 30, sync=False) as environment:
        with environment.begin(write=True) as transaction:
            for number in range(COUNT):
                transaction.put(b"%08d" % number, chance.choice(VALUES))
        ready()
        while going():
            with environment.begin(write=True) as transaction:
                for _ in range(chance.choice([1, 3, 20])):
                    key = b"%08d" % chance.randrange(COUNT * 2)
                    if chance.random() < 0.3:
                        transaction.delete(key)
                    else:
                        transaction.put(key, chance.choice(VALUES))
            time.sleep(PAUSE)


def leveldb(path: Path, going: Going, ready: Callable[[], None]) -> None:
    """Overwrite, delete and add records with a small write buffer, so that logs and tables come and go continuously."""
    import plyvel

    chance = random.Random(1)
    with plyvel.DB(str(path), create_if_missing=True, write_buffer_size=1 << 16, max_file_size=1 << 20) as db:
        for number in range(COUNT):
            db.put(b"%08d" % number, chance.choice(VALUES))
        ready()
        while going():
            for _ in range(10):  # fills two tables; without a pause the store would grow by gigabytes on a fast disk
                key = b"%08d" % chance.randrange(COUNT * 2)
                if chance.random() < 0.3:
                    db.delete(key)
                else:
                    db.put(key, chance.choice(VALUES))
            time.sleep(10 * PAUSE)


def hdf5(path: Path, going: Going, ready: Callable[[], None]) -> None:
    """Overwrite existing rows, and let the dataset grow and shrink, without SWMR mode or file locks."""
    import h5py

    random_values = np.random.default_rng(1).normal(size=(COUNT, 500))
    with h5py.File(path, "w", locking=False) as file:
        options = {"chunks": (10, 500), "compression": "gzip", "fletcher32": True, "maxshape": (None, 500)}
        data = file.create_dataset("data", data=random_values, **options)
        file.flush()
        ready()
        number = 0
        while going():
            number += 1
            at = number * 10 % COUNT
            data[at : at + 10] = random_values[at : at + 10] + number
            if number % 7 == 0:
                data.resize(COUNT + number % 50, axis=0)
                data[COUNT:] = 1.5
            file.flush()
            time.sleep(PAUSE)


def swmr(path: Path, going: Going, ready: Callable[[], None]) -> None:
    """Append rows in SWMR mode (single writer, multiple readers)."""
    import h5py

    random_values = np.random.default_rng(1).normal(size=(10, 500))
    with h5py.File(path, "w", libver="latest", locking=False) as file:
        options = {"chunks": (10, 500), "compression": "gzip", "maxshape": (None, 500)}
        data = file.create_dataset("data", shape=(0, 500), dtype="f8", **options)
        file.swmr_mode = True
        while going():
            data.resize(len(data) + 10, axis=0)
            data[-10:] = random_values
            data.flush()
            if len(data) == COUNT:
                ready()
            time.sleep(PAUSE if len(data) > COUNT else 0)


WRITERS = {"lmdb": lmdb, "leveldb": leveldb, "hdf5": hdf5, "swmr": swmr}


def main() -> None:
    kind, path, stop = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    end = time.monotonic() + SECONDS
    WRITERS[kind](path, lambda: time.monotonic() < end and not stop.exists(), stop.with_suffix(".ready").touch)


if __name__ == "__main__":
    main()
