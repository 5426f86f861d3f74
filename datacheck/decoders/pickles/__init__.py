"""Read pickles without unpickling: an own machine walks their opcodes; nothing is imported or called."""
