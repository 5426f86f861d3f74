"""Sums over the values of each field, with the same result however the work was divided."""
