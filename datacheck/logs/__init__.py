"""Diagnose training logs of Caffe: what happened, when it first went wrong, and which known failure mode fits.

lines         -> lists of lines, in bounded memory
events        -> typed events from the lines
header        -> the solver and the networks that the head of a run repeats
run           -> one run: its series, and the first line of each thing that went wrong
failure_modes -> a table of the known failure modes, built on aborts, chance_level, growth, saturation and others
diagnosis     -> the report; table, text and plot render it
reading       -> the whole way from a path to a report
"""
