"""Find similar records: equal values by their digests, and pictures that look the same by their perceptual hashes."""
