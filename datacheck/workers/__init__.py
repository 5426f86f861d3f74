"""Processes that may die: what ties them to their caller, what bounds them, and the notes that they leave behind."""
