"""What is done with a whole store beside judging it: recording checksums, comparing stores with each other."""
