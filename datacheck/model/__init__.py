"""The values that flow: Shard -> Block -> Batch -> Finding -> Report. They compare, pickle and add up."""
