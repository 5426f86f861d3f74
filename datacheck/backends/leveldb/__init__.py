"""LevelDB directories, read by our own reader: the library has no read-only mode."""
