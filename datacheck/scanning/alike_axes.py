"""The axes that the arrays of nearly all sampled records have alike, where their shapes vary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

FEWEST = 32
"""So many sampled arrays show what they have in common."""
VARIOUS = 3
"""So many sizes an axis has that varies by nature; of two, one may be the fault."""
STRAYS = 0.01
"""More sampled arrays than this share, and more than one, that differ are meant to."""


def alike_axes(shapes: Mapping[tuple[int, ...], int]) -> tuple[int | None, ...]:
    """Return the size of each axis that all arrays have alike, None for one that varies; () where they tell nothing.

    Arrays without a value are left out: they often have another shape.

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
