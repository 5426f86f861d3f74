"""The caller of a rebuild of HDF5 files loads neither NumPy nor h5py: only the workers do."""

import subprocess
import sys

from datacheck.backends import BACKENDS, load_class
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.backends.interface import WithSamples

LOADED = """
import sys
from datacheck.backends import BACKENDS, load_class
copier = load_class(BACKENDS["hdf5"].copier)(to="hdf5", lost=frozenset())
assert copier.fills([]) and copier.acceptable and copier.joined([]) is None
import datacheck.rebuilding.rebuild
print(*{"numpy", "h5py"}.intersection(sys.modules))
"""


def test_a_caller_loads_neither_numpy_nor_h5py():
    run = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_copier_of_workers_gets_what_was_lost_and_has_every_method():
    lost = frozenset({(None, "/a"), ("b.h5", "")})
    copier = load_class(BACKENDS["hdf5"].copier)(to="hdf5", lost=lost)
    assert isinstance(copier, WithSamples)
    assert copier._loaded == Hdf5Copier(lost, "hdf5")
    of_workers = {name for name in vars(Hdf5Copier) if not name.startswith("_")}
    assert of_workers <= set(dir(copier))
