"""Pickles, read without unpickling: a machine of our own walks their opcodes, imports nothing and calls nothing."""
