"""The command line, the only part of datacheck that prints."""
