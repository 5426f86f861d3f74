"""Counts that a store keeps of its records, of a whole set, and of the frames of clips."""
