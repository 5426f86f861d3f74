"""Detect gaps in the numbers of a folder's files, for file names whose loader expects consecutive numbers.

ACT and similar loaders open episode_0.hdf5, episode_1.hdf5 and so on, as many as there are files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more

COUNTED = re.compile(rb"(?:.*/)?episode_?", re.DOTALL)
"""The part before the number in the names of files whose loader expects consecutive numbers."""
NUMBERED = re.compile(rb"(.*?)([0-9]{1,18})([^0-9/]*(?:\.[A-Za-z][A-Za-z0-9]*)?)", re.DOTALL)
"""A name with one number: the part before it, the number, and the part after it."""
NAMED = 10
"""Maximum number of missing files listed in a finding; the rest are counted."""


def gaps(names: Iterable[str]) -> Iterator[Finding]:
    """Yield findings for numbers missing among files, given by escaped names, that are numbered from 0 or 1.

    If more numbers are missing than present, the numbers are assumed to mean something else.
    """
    alike: dict[tuple[bytes, bytes], dict[int, int]] = defaultdict(dict)
    for name in names:
        match = NUMBERED.fullmatch(unescape(name))
        if match is not None and COUNTED.fullmatch(match[1]):
            alike[match[1], match[3]][int(match[2])] = len(match[2])
    for (before, after), widths in sorted(alike.items()):
        first, last = min(widths), max(widths)
        count = last - first + 1 - len(widths)
        if first > 1 or not 0 < count <= len(widths):
            continue
        missing = [it for it in range(first, last) if it not in widths]
        width = min(widths.values())
        called = [escape(before + b"%0*d" % (width, it) + after) for it in missing[:NAMED]]
        verb = "are" if count > 1 else "is"
        message = (
            f"{and_more(called, count)} {verb} not there; loaders of such files open as many as there are, from 0 on"
        )
        yield found("gap", message, missing=called, count=count)
