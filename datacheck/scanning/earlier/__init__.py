"""Use earlier reports, checksums and unfinished scans of a source."""
