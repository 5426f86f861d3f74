"""Suggest the existing name that is most similar to a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from datacheck.model.listing import and_more

LISTED = 20
"""Maximum number of names listed in a message."""
BESIDE = 10
"""Maximum number of names that are listed if the nearest one is named anyway."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name most similar to `name`, or None if none is similar; case is ignored.

    >>> nearest("lable", ["data", "label"])
    'label'
    """
    from difflib import get_close_matches  # imported here because most runs have no wrong name

    folded: dict[str, str] = {}
    for it in names:
        folded.setdefault(it.casefold(), it)
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence that lists the existing names, if they are few, and suggests the nearest one.

    >>> suggestion("lable", ["data", "label"])
    "there are data, label; did you mean 'label'?"
    >>> suggestion("lable", [*map(str, range(30)), "label"])
    "did you mean 'label'?"
    """
    known = list(names)
    close = nearest(name, known)
    if close is not None and len(known) > BESIDE:
        return f"did you mean {close!r}?"
    text = f"there are {and_more(known[:LISTED], len(known))}" if known else "there are none"
    return text if close is None else f"{text}; did you mean {close!r}?"
