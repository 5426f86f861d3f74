"""Training logs of Caffe: what happened, when it first went wrong, and which known story fits.

lines     -> lists of lines, bounded
events    -> what one line says, typed
header    -> the solver and the networks that a run's head repeats
run       -> one run: its series, and the first line of each thing that went wrong
stories   -> the known ways to go wrong, a table of them (aborts, chance, growth, saturation: what they rest on)
diagnosis -> the report;  table, text, plot -> what it looks like
reading   -> all of it, from a path to a report
"""
