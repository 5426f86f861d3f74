"""Trees as parsers make them, of what Python has: a plain way to say in a test what a record holds."""

import numpy as np

from datacheck.decoders.trees.tree import Items, Keyed


def tree(thing):
    """Return the tree of a nested thing: dicts, lists, tuples, and whatever else a Node may be."""
    if isinstance(thing, dict):
        return Keyed([(tree(key), tree(value)) for key, value in thing.items()])
    if isinstance(thing, (list, tuple, set, frozenset)):
        return Items([tree(it) for it in thing])
    if isinstance(thing, np.generic):
        return np.asarray(thing)
    return thing
