"""Clear the caches of the HDF5 files that this process has walked."""

from datacheck.backends.hdf5 import layout, walking


def forget_walks():
    """Make the next reader walk its files again."""
    walking.contents_of.cache_clear()
    walking._tried.clear()
    layout._last_layout.clear()
