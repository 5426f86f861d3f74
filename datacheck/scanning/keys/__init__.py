"""Read the keys of a store, and compare them with what the store says of its records."""
