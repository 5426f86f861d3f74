"""The findings of an earlier report, which do not count when they are found again; and those that are gone.

A finding of a record is the same where file, database, key, field and code are. One of the store as a whole has nothing
but its message to tell it from others with its code: damage that has grown is new. What is held is a number of eight
bytes a finding, and of each number how many findings have it: a second one of the same kind is new.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.model.finding import Finding
from datacheck.model.settings import Settings
from datacheck.reporting.document import Document, Gone, KnownCounts
from datacheck.reporting.earlier import Brief, Place, place_of, read, walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

JUDGING = (
    *("range", "labels", "label_field", "shape", "allow_nan", "together", "conventions", "paired", "decoder"),
    *("decoders", "array", "timeout"),
)
"""Settings that say what is found at all,"""
ADDING = ("validators", "batch_size", "strict_pictures", "checksums", "duplicates", "like", "like_tolerance")
"""and those that only add to it."""
NAMED = 3
"""So many of those that are gone are named in the summary."""


class KnownReport:
    """An earlier report that was read, of one source or of several."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digests: dict[Place, array[int]] = {}
        self._documents = read(path, self._take)

    def _take(self, place: Place, brief: Brief) -> None:
        self._digests.setdefault(place, array("Q")).append(_digest(brief))

    def of(self, path: str, *, alone: bool) -> KnownFindings:
        """Return the findings of a source; `alone` says that no other is scanned."""
        number = place_of(self._documents, path, alone=alone)
        if number is None:
            return KnownFindings(self.path, None, array("Q"))
        places = _places(self._documents, number)
        digests = next((it for place in places if (it := self._digests.get(place)) is not None), array("Q"))
        return KnownFindings(self.path, places, digests, self._documents[number].settings)


def _places(documents: Sequence[Document], number: int) -> tuple[Place, Place]:
    """Return what the findings of a report may be filed under: its number, or the path of its source."""
    return number, documents[number].source.path


class KnownFindings:
    """The findings that an earlier report has of one source, and which of them were found again.

    `settings` are those of the earlier scan.
    """

    def __init__(
        self,
        path: Path,
        places: tuple[Place, Place] | None,
        digests: array[int],
        settings: Settings | None = None,
    ) -> None:
        import numpy as np

        self.path, self._places, self._settings = path, places, settings
        self._numbers, self._counts = np.unique(np.frombuffer(digests, np.uint64), return_counts=True)
        self._left: NDArray[Any] = self._counts.copy()
        self.still: Counter[str] = Counter()
        self._noticed: array[int] | None = None
        self._told: Counter[str] = Counter()

    def noticed(self) -> tuple[bytes, dict[str, int]]:
        """Return what was found again since this was asked last: numbers that stand for it, and its codes.

        Asked for the first time, these numbers are not there yet: few scans need them.
        """
        said = b"" if self._noticed is None else self._noticed.tobytes(), dict(self.still - self._told)
        self._noticed, self._told = array("Q"), self.still.copy()
        return said

    def again(self, noticed: bytes, still: Mapping[str, int]) -> None:
        """Take what an earlier run has noticed. Raises ValueError for what no run of this report has."""
        for digest in array("Q", noticed):
            at = self._place(digest)
            if at is None or not self._left[at]:
                raise ValueError("it names findings that are not known")
            self._left[at] -= 1
        self.still.update(still)
        self._told.update(still)

    @property
    def mark(self) -> bytes:
        """What tells these findings from others."""
        return hashlib.sha256(self._numbers.tobytes() + self._counts.tobytes()).digest()

    @property
    def of_source(self) -> bool:
        """Whether the earlier report says anything of the source."""
        return self._places is not None

    def looked_for(self, now: Settings) -> bool:
        """Say whether all that the earlier scan looked for is looked for now, in the same way."""
        before = self._settings
        return before is None or (set(before.checks) <= set(now.checks) and not self.otherwise(now))

    def otherwise(self, now: Settings) -> list[str]:
        """Return which settings differ so that what was found before need not be found now, as the data is."""
        before = self._settings
        if before is None:
            return []
        other = [it for it in JUDGING if getattr(before, it) != getattr(now, it)]
        return other + [it for it in ADDING if getattr(before, it) not in (None, False, (), getattr(now, it))]

    def knows(self, finding: Finding) -> bool:
        """Say whether a finding is one of those, and was not found before; take note of it."""
        digest = _digest(finding)
        at = self._place(digest)
        if at is None or not self._left[at]:
            return False
        self._left[at] -= 1
        if self._noticed is not None:
            self._noticed.append(digest)
        return True

    def noticing(self, ignores: Callable[[Finding], bool]) -> Callable[[Finding], bool]:
        """Return what ignores the same findings, and takes note of the known ones among them: they are not gone."""

        def ignored(finding: Finding) -> bool:
            if not ignores(finding):
                return False
            self.knows(finding)
            return True

        return ignored

    def _place(self, digest: int) -> int | None:
        import numpy as np

        at = int(np.searchsorted(self._numbers, np.uint64(digest)))
        return at if at < len(self._numbers) and self._numbers[at] == digest else None

    def counts(self, *, whole: bool) -> KnownCounts:
        """Return how many were found again by code and, after a scan of the `whole` source, how many were not."""
        return KnownCounts(str(self.path), dict(sorted(self.still.items())), self.gone if whole else None)

    @property
    def gone(self) -> int:
        """How many of its findings were not found again."""
        return int(self._left.sum())

    def those_gone(self) -> Iterator[Gone]:
        """Yield the findings that were not found again, in their order; the earlier report is read once more."""
        if not self.gone:
            return
        left = self._left.copy()
        for place, brief in walk(self.path):
            at = self._place(_digest(brief)) if self._places is not None and place in self._places else None
            if at is not None and left[at]:
                left[at] -= 1
                yield msgspec.convert(brief, Gone, from_attributes=True)

    def first_gone(self) -> list[Gone]:
        return list(islice(self.those_gone(), NAMED))


def _digest(finding: Brief | Finding) -> int:
    whose = [finding.file, finding.database, finding.key, finding.field, finding.code]
    if finding.key is None:
        whose.append(finding.message)
    said = "\0".join("\1" if it is None else it for it in whose)
    raw = hashlib.blake2b(said.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(raw, "little")
