"""Regular expressions that are compiled when they are first used, since many processes never use them."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Later:
    """Stands for a compiled regular expression, and compiles it as soon as an attribute of it is wanted."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._arguments: Any = pattern, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._arguments), name)
        setattr(self, name, found)  # the next time it is found without this method
        return found


def compiled_later(pattern: AnyStr, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[AnyStr]:
    """Return a regular expression with the attributes of `re.Pattern`, compiled when one of them is first used.

    Compiling a long one takes half a millisecond. Errors in a pattern are raised then, too.

    >>> compiled_later("[0-9]+").findall("a1b23")
    ['1', '23']
    """
    return cast("re.Pattern[AnyStr]", _Later(pattern, flags))
