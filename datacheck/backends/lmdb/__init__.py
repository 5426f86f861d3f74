"""LMDB environments: the library for healthy ones, our own reader for damaged pages."""
