"""The bytes of the HDF5 format, read without the library: superblock, trees and heaps."""
