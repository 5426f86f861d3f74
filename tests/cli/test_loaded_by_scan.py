"""What a scan's caller loads: it opens no store, so that it needs no NumPy and no library of a store."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
from building import datum, write_leveldb, write_lmdb

HEAVY = {"numpy", "h5py", "google_crc32c", "cramjam", "PIL", "ctypes.util", "xml", "asyncio"}
SCAN = """
import sys
sys.argv[:] = ["datacheck", "scan", *sys.argv[1:]]
from datacheck.__main__ import main
try:
    main()
except SystemExit as end:
    print(end.code, *sys.modules)
"""
