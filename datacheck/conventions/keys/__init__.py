"""The keys of a store: numbers and stems in them, their sums, and the samples that they form."""
