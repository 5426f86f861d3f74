"""The page: one HTML file to look at, which needs nothing but itself."""

PAGE = ".html"
"""What the name of a page ends in: the one format that no program reads, and that need not have every finding."""
