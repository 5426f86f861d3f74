"""Write a clean copy of a dataset, compare it with the source, and only then give it its name."""
