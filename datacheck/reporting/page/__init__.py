"""The page: one HTML file to look at, which needs nothing but itself."""
