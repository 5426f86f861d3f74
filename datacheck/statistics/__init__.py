"""Sums over the values of each field that come out the same however the work was divided."""
