"""HDF5 files, folders and lists of them, read by h5py and, where it refuses, byte by byte."""
