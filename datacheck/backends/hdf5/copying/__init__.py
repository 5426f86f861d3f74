"""Copy an HDF5 file without some of its rows, and keep everything else."""
