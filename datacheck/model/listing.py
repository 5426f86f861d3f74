"""Write the first of many names in a row."""

from __future__ import annotations

from collections.abc import Iterable


def and_more(shown: Iterable[str], count: int) -> str:
    """Return the names that are shown, separated by commas, and how many of `count` are not among them.

    >>> and_more(["a", "b"], 2), and_more(["a", "b"], 1_004)
    ('a, b', 'a, b and 1,002 more')
    """
    names = list(shown)
    more = count - len(names)
    return f"{', '.join(names)}{f' and {more:,} more' if more > 0 else ''}"
