"""Numbers in datasets that lead to rows of others: row numbers, boundaries, edges, categories."""
