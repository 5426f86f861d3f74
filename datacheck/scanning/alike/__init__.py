"""Find records that are alike: equal values by their digests, and pictures that look the same."""
