"""Write a clean copy, prove it, and only then give it its name."""
