"""Read pickles without unpickling: a machine walks their opcodes, but imports nothing and calls nothing."""
