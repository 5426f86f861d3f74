"""Run tasks in processes that may die: their link to the caller, their limits, and the notes that they leave behind."""
