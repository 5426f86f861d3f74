"""The command line: all that prints."""
