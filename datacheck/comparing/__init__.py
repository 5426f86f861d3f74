"""Process whole stores in other ways than by judging them: record checksums, and compare stores with each other."""
