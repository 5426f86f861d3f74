"""What is left of a damaged HDF5 file's own structure, found without the library and shown to it as it accepts it."""
