"""What the HDF5 library is asked, and how its failures and deaths are survived."""
