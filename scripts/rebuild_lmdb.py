#!/usr/bin/env python3
"""`datacheck rebuild` for LMDB, under the name people look for.

    rebuild_lmdb.py SOURCE TARGET --drop-bad

Every option of `datacheck rebuild` works; it is the same program.
"""

import sys

from datacheck.cli.entry import main

if __name__ == "__main__":
    main(["rebuild", "--backend", "lmdb", *sys.argv[1:]])
