"""A group may store its links with a filter of hdf5plugin, though no dataset has one."""

import ctypes
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from commanding import datacheck

plugins = pytest.importorskip("hdf5plugin")
OPEN = """
import sys
from pathlib import Path
import numpy as np
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import opened
dataset = Dataset(b"/g/sample_03", (5, 4), np.dtype("f8"), None, (), placed=2048)
into = np.zeros((5, 4))
with opened(Path(sys.argv[1]), filters=False) as file:
    file.read_whole(dataset, into)
    print((file.dataset(dataset)[()] == into).all(), int(into[0, 0]), "hdf5plugin" in sys.modules)
"""


def write(path):
    """Write a group whose links are stored as Zstandard compresses them, which h5py has no function for."""
    maps = [line.split()[-1] for line in Path("/proc/self/maps").read_text().split("\n") if line]
    library = ctypes.CDLL(next(it for it in maps if Path(it).name.startswith(("libhdf5-", "libhdf5."))))
    created = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    number = ctypes.c_int64(created.id)
    assert library.H5Pset_link_phase_change(number, ctypes.c_uint(0), ctypes.c_uint(0)) == 0
    level = (ctypes.c_uint * 1)(3)
    assert library.H5Pset_filter(number, plugins.Zstd.filter_id, ctypes.c_uint(0), ctypes.c_size_t(1), level) == 0
    with h5py.File(path, "w", libver="latest") as file:
        group = h5py.Group(h5py.h5g.create(file.id, b"g", gcpl=created))
        for number in range(20):
            group[f"sample_{number:02}"] = np.arange(20.0).reshape(5, 4) + number


@pytest.mark.skipif(sys.platform != "linux", reason="the library is found in /proc")
def test_such_links_are_followed(tmp_path):
    write(tmp_path / "a.h5")
    done = datacheck("scan", tmp_path / "a.h5", "--no-config", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    read = subprocess.run([sys.executable, "-c", OPEN, tmp_path / "a.h5"], capture_output=True, text=True, check=True)
    assert read.stdout == "True 3 True\n"
