"""Compare datacheck with h5py on hundreds of random sound HDF5 files, in reading and in copying them.

    python benchmarks/agreement_hdf5.py [--seeds 500] [--first 0]

The exit status is 1 if they differ on any file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.hdf5_agreement import differences
from tests.hdf5_random import write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    differing = 0
    for seed in range(args.first, args.first + args.seeds):
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder) / "store.h5", seed, plugins=seed % 2 == 1)
            said = next(differences(path, Path(folder), seed), None)
        if said is not None:
            differing += 1
            print(f"seed {seed}: {said}", flush=True)
    print(f"{args.seeds} random HDF5 files; {args.seeds - differing} read and copied as h5py reads them")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
