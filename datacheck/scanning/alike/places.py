"""The place of a record among all compared stores: the store's number in the bits above its place in that store."""

PLACE_BITS = 48
"""Number of bits for a record's place in its store; the store's number is in the bits above them."""
