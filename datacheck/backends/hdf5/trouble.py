"""What the HDF5 library may raise for what a file holds."""

TROUBLE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, SystemError)
"""What h5py raises for bad data: it turns the library's error numbers into any of these, and others for what NumPy
or its own code cannot represent (no dtype for a type, a negative extent, a name that is no text). MemoryError is not
among them: who reads catches it and says `too-large`."""
