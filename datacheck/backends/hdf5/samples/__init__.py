"""Find which datasets and groups of a file are samples, and whether their parts and numbers of rows agree."""
