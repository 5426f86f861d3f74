"""What is left of an LMDB commit whose meta page is gone: leaves over those of the older commit that is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from datacheck.backends.lmdb_format import BRANCH, LEAF
from datacheck.backends.lmdb_pages import Pages
from datacheck.backends.lmdb_parse import parse
from datacheck.backends.lmdb_tree import Entry, Span, Tree, in_order, overlapping


def overlaid(pages: Pages, tree: Tree, extra: list[int]) -> list[Entry]:
    """Return the stretches of a tree together with leaves of which it is not known whether they belong to it.

    Leaves whose keys overlap have one stretch together; of a key that both have, the tree's own record counts.
    """
    if not extra:
        return tree.entries
    below = [it for entry in tree.entries for it in leaves_of(pages, tree, entry)]
    doubtful = [Entry(None, None, number, "orphan", doubt=True) for number in extra]
    order = tree.record.order()
    spans: list[Span[Entry]] = []
    rest = []
    for entry in [*below, *doubtful]:
        nodes = parse(pages, entry.page, LEAF, order, entry.low, entry.high).nodes
        if nodes:
            spans.append(Span(order(nodes[0].key), order(nodes[-1].key), nodes[0].key, entry))
        else:
            rest.append(entry)
    groups = overlapping(spans)
    made = []
    for group, after in pairwise([*groups, None]):
        assert group is not None
        low, high = group[0].key, None if after is None else after[0].key
        made += [Entry(low, high, span.item.page, "orphan", span.item.doubt) for span in group]
    return in_order(tree.record, [*made, *rest])


def leaves_of(pages: Pages, tree: Tree, entry: Entry) -> Iterator[Entry]:
    """Yield the leaves of a stretch."""
    if entry.kind != "branch":
        yield entry
        return
    parsed = parse(pages, entry.page, BRANCH, tree.record.order(), entry.low, entry.high)
    lows = [entry.low, *(node.key for node in parsed.nodes[1:])]
    for node, low, high in zip(parsed.nodes, lows, [*lows[1:], entry.high], strict=True):
        yield Entry(low, high, node.child, "leaf")
