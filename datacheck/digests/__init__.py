"""Digests of records: what a value comes to, the checksum file that holds them, and sorting them beyond memory."""
