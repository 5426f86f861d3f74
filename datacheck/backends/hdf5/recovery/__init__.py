"""Find what is left of a damaged HDF5 file's structure without the library, and present it in a form it accepts."""
