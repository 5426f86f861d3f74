"""Findings of an earlier report: those found again do not count, the others are gone.

Two findings about a record are the same if file, database, key, field and code are. Findings about the store as a whole
with the same code differ only in their messages, so damage that has grown is new. Each finding is
held as a number of eight bytes, with the number of findings that have it: a second finding of the same kind is new.
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
"""Settings that determine what is found at all."""
ADDING = ("validators", "batch_size", "strict_pictures", "checksums", "duplicates", "like", "like_tolerance")
"""Settings that only add to what is found."""
NAMED = 3
"""Maximum number of gone findings named in the summary."""


class KnownReport:
    """An earlier report that was read, of one source or of several."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digests: dict[Place, array[int]] = {}
        written = read(path, self._take)
        self._documents, self._several = written.reports, written.several

    def _take(self, place: Place, brief: Brief) -> None:
        self._digests.setdefault(place, array("Q")).append(_digest(brief))

    def of(self, path: str, *, alone: bool) -> KnownFindings:
        """Return the findings of a source; `alone` says that no other source is scanned."""
        number = place_of(self._documents, path, alone=alone and not self._several)
        if number is None:
            return KnownFindings(self.path, None, array("Q"))
        places = _places(self._documents, number)
        digests = next((it for place in places if (it := self._digests.get(place)) is not None), array("Q"))
        return KnownFindings(self.path, places, digests, self._documents[number].settings)


def _places(documents: Sequence[Document], number: int) -> tuple[Place, Place]:
    """Return the places under which the findings of a report may be filed: its number, and the path of its source."""
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
        self._remaining: NDArray[Any] = self._counts.copy()
        self.still: Counter[str] = Counter()
        self._noticed: array[int] | None = None
        self._reported: Counter[str] = Counter()

    def noticed(self) -> tuple[bytes, dict[str, int]]:
        """Return what was found again since the last call: the digests of the findings, and their number by code.

        The first call returns no digests: they are collected from then on, since few scans need them.
        """
        counted = b"" if self._noticed is None else self._noticed.tobytes(), dict(self.still - self._reported)
        self._noticed, self._reported = array("Q"), self.still.copy()
        return counted

    def again(self, noticed: bytes, still: Mapping[str, int]) -> None:
        """Count what an earlier run found again. Raises ValueError for findings that this report does not have."""
        for digest in array("Q", noticed):
            position = self._position_of(digest)
            if position is None or not self._remaining[position]:
                raise ValueError("it names findings that are not known")
            self._remaining[position] -= 1
        self.still.update(still)
        self._reported.update(still)

    @property
    def mark(self) -> bytes:
        """A digest that distinguishes these findings from others."""
        return hashlib.sha256(self._numbers.tobytes() + self._counts.tobytes()).digest()

    @property
    def of_source(self) -> bool:
        """Whether the earlier report covers the source."""
        return self._places is not None

    def covers(self, now: Settings) -> bool:
        """Return whether everything that the earlier scan looked for is looked for now, in the same way."""
        before = self._settings
        return before is None or (set(before.checks) <= set(now.checks) and not self.changed_settings(now))

    def changed_settings(self, now: Settings) -> list[str]:
        """Return the settings that differ so that earlier findings may be missing now although the data is the same."""
        before = self._settings
        if before is None:
            return []
        changed = [it for it in JUDGING if getattr(before, it) != getattr(now, it)]
        return changed + [it for it in ADDING if getattr(before, it) not in (None, False, (), getattr(now, it))]

    def knows(self, finding: Finding) -> bool:
        """Return whether a finding is known and not yet found again; if so, count it as found again."""
        digest = _digest(finding)
        position = self._position_of(digest)
        if position is None or not self._remaining[position]:
            return False
        self._remaining[position] -= 1
        if self._noticed is not None:
            self._noticed.append(digest)
        return True

    def noticing(self, ignores: Callable[[Finding], bool]) -> Callable[[Finding], bool]:
        """Return a predicate that ignores the same findings, and counts the known ones among them as not gone."""

        def ignored(finding: Finding) -> bool:
            if not ignores(finding):
                return False
            self.knows(finding)
            return True

        return ignored

    def _position_of(self, digest: int) -> int | None:
        import numpy as np

        position = int(np.searchsorted(self._numbers, np.uint64(digest)))
        return position if position < len(self._numbers) and self._numbers[position] == digest else None

    def counts(self, *, whole: bool) -> KnownCounts:
        """Return how many were found again, by code, and after a scan of the `whole` source also how many were not."""
        return KnownCounts(str(self.path), dict(sorted(self.still.items())), self.gone if whole else None)

    @property
    def gone(self) -> int:
        """How many of its findings were not found again."""
        return int(self._remaining.sum())

    def those_gone(self) -> Iterator[Gone]:
        """Yield the findings that were not found again, in their order; the earlier report is read once more."""
        if not self.gone:
            return
        remaining = self._remaining.copy()
        for place, brief in walk(self.path):
            position = self._position_of(_digest(brief)) if self._places is not None and place in self._places else None
            if position is not None and remaining[position]:
                remaining[position] -= 1
                yield msgspec.convert(brief, Gone, from_attributes=True)

    def first_gone(self) -> list[Gone]:
        return list(islice(self.those_gone(), NAMED))


def _digest(finding: Brief | Finding) -> int:
    identity = [finding.file, finding.database, finding.key, finding.field, finding.code]
    if finding.key is None:
        identity.append(finding.message)
    text = "\0".join("\1" if it is None else it for it in identity)
    raw = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(raw, "little")
