"""Recover what is left of an LMDB commit whose meta page is lost: leaves in addition to those of the older commit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from datacheck.backends.lmdb.format import (
    BRANCH,
    DEEPEST,
    DUPDATA,
    DUPFIXED,
    DUPSORT,
    INTEGERKEY,
    LEAF,
    LEAF2,
    NO_PAGE,
    REVERSEKEY,
    SUBDATA,
    Database,
)
from datacheck.backends.lmdb.orphans import holds_no_records, pages_of_kind
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.tolerant_page import nodes_of, parse, raw_page
from datacheck.backends.lmdb.tree import Entry, Span, Tree, in_order, overlapping
from datacheck.backends.shared.key_arrays import Numbers

KINDS = (0, INTEGERKEY, REVERSEKEY)
"""Flags for the key orders that a database may have."""


def with_extra_leaves(pages: Pages, tree: Tree, extra: list[int]) -> list[Entry]:
    """Return the stretches of a tree together with leaves that may or may not belong to it.

    Leaves whose keys overlap share one stretch. If a key occurs in both, the tree's own record counts.
    """
    if not extra:
        return tree.entries
    leaves = [it for entry in tree.entries for it in leaves_of(pages, tree, entry)]
    doubtful = [Entry(None, None, number, "orphan", doubt=True) for number in extra]
    order = tree.record.order()
    spans: list[Span[Entry]] = []
    rest = []
    for entry in [*leaves, *doubtful]:
        nodes = parse(pages, entry.page, LEAF, order, entry.low, entry.high).nodes
        if nodes:
            spans.append(Span(order(nodes[0].key), order(nodes[-1].key), nodes[0].key, entry))
        else:
            rest.append(entry)
    groups = overlapping(spans)
    grouped = []
    for group, after in pairwise([*groups, None]):
        assert group is not None
        low, high = group[0].key, None if after is None else after[0].key
        grouped += [Entry(low, high, span.item.page, "orphan", span.item.doubt) for span in group]
    return in_order(tree.record, [*grouped, *rest])


def nameless_trees(pages: Pages, numbers: Numbers, *, known: bool) -> list[Tree]:
    """Return databases whose names are lost, from pages that nothing leads to; they are called by their first page.

    Databases that still have a root are complete. The other leaves are joined in the order in which they were
    written, as long as their keys ascend. `known` says whether all free pages are known.
    """
    below: dict[int, list[int]] = {}
    for number in pages_of_kind(pages, numbers, BRANCH):
        below[number] = [node.child for node in nodes_of(pages, raw_page(pages, number)) if node is not None]
    reached = {child for children in below.values() for child in children}
    leaves = []
    for number in pages_of_kind(pages, numbers, LEAF):
        keys = [node.key for node in nodes_of(pages, raw_page(pages, number)) if node is not None]
        if keys and not holds_no_records(pages, number):
            leaves.append((number, keys))
    flags = next((it for it in KINDS if all(_are_ascending(keys, it) for _, keys in leaves)), 0)
    trees = [_rooted_tree(pages, root, below, flags) for root in below if root not in reached]
    alone = [(number, keys[0], keys[-1]) for number, keys in leaves if number not in reached]
    trees += [_tree_of_leaves(pages, group, flags) for group in _ascending_groups(alone, flags)]
    if not known:
        for tree in trees:
            tree.entries = [msgspec.structs.replace(entry, doubt=True) for entry in tree.entries]
    return trees


def _rooted_tree(pages: Pages, root: int, below: dict[int, list[int]], flags: int) -> Tree:
    """Return a database that still has its root, down to its leaves."""
    depth, page = 1, root
    while page in below and depth < DEEPEST:
        depth, page = depth + 1, next(iter(below[page]), 0)
    record = Database(flags | _duplicate_flags(pages, page), depth, 0, 0, 0, 0, root)
    return Tree(f"page-{root}", record, nameless=True)


def _ascending_groups(leaves: list[tuple[int, bytes, bytes]], flags: int) -> list[list[tuple[int, bytes, bytes]]]:
    """Return leaves, each with its first and last key, in groups of ascending keys."""
    order = Database(flags, 0, 0, 0, 0, 0, 0).order()
    groups: list[list[tuple[int, bytes, bytes]]] = []
    for number, first, last in leaves:
        group = next((it for it in groups if order(it[-1][2]) < order(first)), None)
        if group is None:
            groups.append(group := [])
        group.append((number, first, last))
    return groups


def _tree_of_leaves(pages: Pages, leaves: list[tuple[int, bytes, bytes]], flags: int) -> Tree:
    """Return a database of leaves, each given with its first and last key, that nothing leads to."""
    edges = [*(first for _, first, _ in leaves), None]
    entries = [
        Entry(low, high, number, "orphan", doubt=True)
        for (number, _, _), (low, high) in zip(leaves, pairwise(edges), strict=True)
    ]
    page = leaves[0][0]
    record = Database(flags | _duplicate_flags(pages, page), 1, 0, 0, 0, 0, NO_PAGE)
    return Tree(f"page-{page}", record, entries, nameless=True)


def _duplicate_flags(pages: Pages, leaf: int) -> int:
    """Return DUPSORT if a leaf has keys with several values, and DUPFIXED with it if these are packed."""
    raw = raw_page(pages, leaf)
    several = [node for node in nodes_of(pages, raw) if node is not None and node.flags & DUPDATA]
    value_pages = [raw[node.offset :] for node in several if not node.flags & SUBDATA]
    fixed = any(len(it) > pages.header and pages.flags(it) & LEAF2 for it in value_pages)
    return (DUPSORT | (DUPFIXED if fixed else 0)) if several else 0


def _are_ascending(keys: list[bytes], flags: int) -> bool:
    order = Database(flags, 0, 0, 0, 0, 0, 0).order()
    return all(order(one) < order(two) for one, two in pairwise(keys))


def leaves_of(pages: Pages, tree: Tree, entry: Entry) -> Iterator[Entry]:
    """Yield the leaves of a stretch."""
    if entry.kind != "branch":
        yield entry
        return
    parsed = parse(pages, entry.page, BRANCH, tree.record.order(), entry.low, entry.high)
    for child, (low, high) in parsed.children(entry.low, entry.high):
        yield Entry(low, high, child, "leaf")
