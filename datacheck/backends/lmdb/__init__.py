"""Read LMDB environments: sound ones with the library, damaged pages with a reader of our own."""
