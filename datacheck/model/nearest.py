"""Say which of the names that there are is nearest to one that is not there."""

from __future__ import annotations

from collections.abc import Iterable

LISTED = 20
"""So many names are listed in a message."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like `name`, None where none is like it; capitals do not count.

    >>> nearest("lable", ["data", "label"])
    'label'
    """
    from difflib import get_close_matches  # here, since most runs name only what is there

    folded: dict[str, str] = {}
    for it in names:
        folded.setdefault(it.casefold(), it)
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def instead(name: str, names: Iterable[str]) -> str:
    """Return the names that there are as the end of a sentence, with the nearest one.

    >>> instead("lable", ["data", "label"])
    "there are data, label; did you mean 'label'?"
    """
    known = list(names)
    close = nearest(name, known)
    more = f" and {len(known) - LISTED:,} more" if len(known) > LISTED else ""
    said = f"there are {', '.join(known[:LISTED])}{more}" if known else "there are none"
    return said if close is None else f"{said}; did you mean {close!r}?"
