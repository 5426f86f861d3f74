"""Write numbers of things, and the first of many names in a row."""

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


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with what there is of: `one`, or `several` if it is not one (by default, with an s).

    >>> counted(1, "row"), counted(1_004, "row"), counted(1, "record is", "records are")
    ('1 row', '1,004 rows', '1 record is')
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def there_are(number: int, one: str, several: str = "") -> str:
    """Return that there is one, or how many there are.

    >>> there_are(1, "row"), there_are(1_004, "row")
    ('there is 1 row', 'there are 1,004 rows')
    """
    return f"there {'is' if number == 1 else 'are'} {counted(number, one, several)}"
