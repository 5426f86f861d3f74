"""What a process remembers of the HDF5 files that it has walked."""

from datacheck.backends.hdf5 import layout, walking


def forget_walks():
    """Have the next reader walk its files anew."""
    walking.contents_of.cache_clear()
    walking._tried.clear()
    layout._told.clear()
