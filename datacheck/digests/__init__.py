"""Compute digests of records, store them in checksum files, and sort them outside of memory."""
