"""The checks that judge batches of decoded records."""
