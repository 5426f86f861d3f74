"""Measure what datacheck finds, names and recovers in damaged stores, compared with existing tools.

    python benchmarks/damage.py [--only lmdb,leveldb,hdf5] [--json FILE]

Each row damages a copy of a sound store in one named way, runs `datacheck scan` and `datacheck rebuild --drop-bad`, and
compares the rebuilt store with the sound one. The rivals are `python -m lmdb verify`, plyvel's `repair_db` and h5py.
The exit status is 1 if a damage was missed, an intact record was not recovered, or a deleted one came back unmarked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import damage_hdf5
import damage_leveldb
import damage_lmdb
from damage_row import Row

STORES: dict[str, tuple[str, Callable[[], Iterator[Row]]]] = {
    "lmdb": ("python -m lmdb verify", damage_lmdb.rows),
    "leveldb": ("plyvel repair_db", damage_leveldb.rows),
    "hdf5": ("h5py", damage_hdf5.rows),
}
NAMED = 90
"""Maximum number of characters shown of what datacheck said."""


def line(row: Row) -> str:
    found = "yes" if row.found else "NO"
    named = row.named if len(row.named) <= NAMED else row.named[:NAMED] + "..."
    cells = (row.damage, row.size, found, f"{row.recovered:,} of {row.intact:,}", row.rival, named)
    return f"| {row.store} | {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(STORES))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    made: list[Row] = []
    for name in args.only.split(","):
        rival, rows = STORES[name]
        print(f"\n| store | damage | size | found | recovered | {rival} | what is said |")
        print("|---|---|---|---|---|---|---|")
        for row in rows():
            made.append(row)
            print(line(row), flush=True)
    lost = [row for row in made if not row.held]
    print(f"\n{len(made)} rows; {len(made) - len(lost)} found with all that is intact recovered")
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in made], indent=1) + "\n")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
