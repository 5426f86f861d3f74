"""Make the settings of a scan from the options that a caller gives."""
