"""Find the axes whose size is the same in nearly all sampled records, if the shapes of their arrays vary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from datacheck.model.measured import of_more_rows

FEWEST = 32
"""Minimum number of sampled arrays to tell what they have in common."""
VARIOUS = 3
"""Minimum number of sizes of an axis that varies by nature; of two sizes, one may be a fault."""
STRAYS = 0.01
"""Maximum share of deviating arrays among the sampled ones; more than that, and than one, deviate on purpose."""


def varies_in_number(shapes: Mapping[tuple[int, ...], int]) -> bool:
    """Check whether arrays hold a row for each of several things, such as boxes, though most records have as many.

    Several records then have more rows than is usual; those that a fault has cut have fewer.

    >>> varies_in_number({(1, 4): 37, (2, 4): 2}), varies_in_number({(5, 4): 37, (4, 4): 2, (6, 4): 1})
    (True, False)
    """
    usual, _ = max(shapes.items(), key=lambda it: it[1])
    more = {it: count for it, count in shapes.items() if of_more_rows(it, usual)}
    if sum(more.values()) <= max(1, STRAYS * sum(shapes.values())):
        return False
    return usual[0] <= 1 or (len(usual) > 1 and len(more) + 1 >= VARIOUS)


def alike_axes(shapes: Mapping[tuple[int, ...], int]) -> tuple[int | None, ...]:
    """Return the common size of each axis, or None for an axis that varies; return () if the shapes show nothing.

    Arrays without a value are left out, since they often have another shape.

    >>> alike_axes({(80, 51): 20, (80, 64): 20, (80, 70): 20, (57, 80): 1})
    (80, None)
    >>> alike_axes({(80, 51): 30, (64, 51): 30})
    ()
    """
    full = {it: count for it, count in shapes.items() if it and 0 not in it}
    every = sum(full.values())
    ranks: Counter[int] = Counter()
    for shape, count in full.items():
        ranks[len(shape)] += count
    if every < FEWEST:
        return ()
    ((rank, of_rank),) = ranks.most_common(1)
    most = max(1, STRAYS * every)
    if every - of_rank > most:
        return ()
    sizes = [Counter[int]() for _ in range(rank)]
    for shape, count in full.items():
        for axis, size in enumerate(shape if len(shape) == rank else ()):
            sizes[axis][size] += count
    axes: list[int | None] = []
    for of_axis in sizes:
        ((size, count),) = of_axis.most_common(1)
        axes.append(size if every - count <= most else None)
        if axes[-1] is None and len(of_axis) < VARIOUS:
            return ()
    return tuple(axes) if any(it is not None for it in axes) and None in axes else ()
