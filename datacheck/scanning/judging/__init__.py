"""Judge the records of a shard."""
