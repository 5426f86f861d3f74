"""Close up the numbers of the files of a folder when some are dropped, since loaders of episodes count the files.

ACT and similar loaders open episode_0.hdf5, episode_1.hdf5 and so on, as many as there are files.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from datacheck.backends.copy_plan import Move
from datacheck.backends.hdf5.folders.numbering import COUNTED, NUMBERED
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.model.escaping import escape, unescape

Place = tuple[bytes, bytes]
"""The parts of a file's name before and after its number."""


def moves(reader: Hdf5Reader, dropped: Collection[str | None], renumber: bool | None) -> Iterator[Move]:
    """Yield the runs of files, by their escaped names, that get other numbers in a copy without those `dropped`.

    These are the files that a loader counts, if they are numbered from 0 without a gap. If `renumber` is True, they are
    also any other files that are numbered from 0 or 1 without a gap; if it is False, there are none. Files whose
    numbers are spelled in several ways, such as 1 and 01, keep their names, since no loader counts them.
    """
    if renumber is False or not dropped or not reader.path.is_dir():
        return
    alike: dict[Place, dict[int, str]] = defaultdict(dict)
    spellings: dict[Place, set[bytes]] = defaultdict(set)
    for label in reader.names:
        match = NUMBERED.fullmatch(unescape(label))
        if match is not None:
            place = match[1], match[3]
            alike[place][int(match[2])] = label
            spellings[place].add(match[2])
    for place, files in alike.items():
        numbers = sorted(files)
        dense = numbers[0] in (0, 1) and len(numbers) == numbers[-1] - numbers[0] + 1
        counts = COUNTED.fullmatch(place[0]) is not None and numbers[0] == 0 and dense
        width = max((len(it) for it in spellings[place] if it.startswith(b"0")), default=1)
        alone = spellings[place] == {b"%0*d" % (width, it) for it in numbers}
        if not (counts or (renumber and dense)) or not alone or len(numbers) < 2:
            continue
        left = [it for it in numbers if files[it] not in dropped]
        yield from _runs(place, width, left, numbers[0], counts)


def _runs(place: Place, width: int, left: Sequence[int], base: int, counts: bool) -> Iterator[Move]:
    before, after = map(escape, place)
    begin = 0
    for at in range(1, len(left) + 1):
        if at == len(left) or left[at] != left[at - 1] + 1:
            if left[begin] != base + begin:
                yield Move(before, after, width, left[begin], left[at - 1], base + begin, counts)
            begin = at


def renamed(names: Sequence[str], moved: Sequence[Move]) -> list[str]:
    """Return the names of files with their new numbers. These names are not escaped."""
    new = {old: name for move in moved for old, name in move.renamed()}
    return [os.fsdecode(unescape(new.get(escape(os.fsencode(it)), escape(os.fsencode(it))))) for it in names]
