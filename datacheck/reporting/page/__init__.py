"""The page: a single HTML file to look at, which needs no other file."""

PAGE = ".html"
"""Suffix of a page: the one format that no program reads, and that need not contain every finding."""
