"""Read LevelDB directories with a reader of our own: the library has no read-only mode."""
