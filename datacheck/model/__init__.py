"""The values that a scan passes on: Shard -> Block -> Batch -> Finding -> Report. They compare, pickle and add up."""
