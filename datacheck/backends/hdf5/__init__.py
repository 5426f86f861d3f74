"""Backend for HDF5 files and folders or lists of them, read by h5py and, where h5py fails, byte by byte."""
