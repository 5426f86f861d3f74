"""Convert trees to plain Python values, so that tests can compare them."""

import numpy as np

from datacheck.decoders.trees.tree import Flawed, Items, Keyed, Opaque, Run, Widened


def plain_value(node):
    """Return a tree as dicts, lists and values; arrays as (dtype, list), views as bytes."""
    if isinstance(node, Keyed):
        return {plain_value(key): plain_value(it) for key, it in node.pairs}
    if isinstance(node, Items):
        return [
            it for part in node.items for it in (part.values.tolist() if isinstance(part, Run) else [plain_value(part)])
        ]
    if isinstance(node, Widened):
        return node.dtype, node.values.tolist()
    if isinstance(node, Flawed):
        return node.code
    if isinstance(node, Opaque):
        return f"opaque {node.kind}"
    if isinstance(node, np.ndarray):
        return node.dtype.str, node.tolist()
    return bytes(node) if isinstance(node, memoryview) else node


def codes(parsed):
    return [it.code for it in parsed.findings]
