"""Build the trees that parsers return from plain Python values, so that tests can write expected records simply."""

import numpy as np

from datacheck.decoders.trees.tree import Items, Keyed


def tree(thing):
    """Return the tree of nested dicts, lists, tuples, sets and other values that a Node may be."""
    if isinstance(thing, dict):
        return Keyed([(tree(key), tree(value)) for key, value in thing.items()])
    if isinstance(thing, (list, tuple, set, frozenset)):
        return Items([tree(it) for it in thing])
    if isinstance(thing, np.generic):
        return np.asarray(thing)
    return thing
