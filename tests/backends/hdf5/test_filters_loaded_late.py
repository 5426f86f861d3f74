"""The package of further filters is loaded only for files that need one of them, in whatever way they are read."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

plugins = pytest.importorskip("hdf5plugin")
READ = """
import sys
from pathlib import Path
from datacheck.backends import open_store
from datacheck.backends.hdf5.walking import walked
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.interface import StoreOptions
path = Path(sys.argv[1])
contents = walked(path, path.stat().st_size, StoreOptions(), StepCounter({}))
print("walked", [it.code for it in contents.findings], "hdf5plugin" in sys.modules)
reader = open_store(path)
blocks = [block for shard in reader.layout().shards for block in reader.blocks(shard)]
print("read", sum(float(values.sum()) for block in blocks for values in block.columns.values()))
print("loaded", "hdf5plugin" in sys.modules)
"""


def read(path):
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (4, 3)}, {"compression": "gzip", "shuffle": True}, {"compression": "lzf"}]
)
def test_it_is_not_loaded_for_the_filters_of_the_library(tmp_path, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=np.ones((20, 3)), **options)
    assert read(tmp_path / "a.h5") == ["walked [] False", "read 60.0", "loaded False"]


def test_it_is_loaded_for_a_filter_of_its_own(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=np.ones((20, 3)), chunks=(20, 3), **plugins.Zstd())
    assert read(tmp_path / "a.h5") == ["walked [] True", "read 60.0", "loaded True"]


def test_it_is_loaded_for_rows_that_lie_in_another_dataset_with_such_a_filter(tmp_path):
    layout = h5py.VirtualLayout((20, 3), np.float64)
    layout[:] = h5py.VirtualSource(".", "stored", (20, 3))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("stored", data=np.ones((20, 3)), chunks=(20, 3), **plugins.Zstd())
        file.create_virtual_dataset("data", layout)
    assert read(tmp_path / "a.h5") == ["walked [] True", "read 120.0", "loaded True"]
