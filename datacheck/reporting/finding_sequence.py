"""Sequences of findings for callers: by position, in slices, filtered, and printed. No finding is held in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, overload

from datacheck.errors import UsageError
from datacheck.model.codes import VERDICTS
from datacheck.model.finding import Finding
from datacheck.reporting.ignoring import of_family

PRINTED = 20
"""Maximum number of findings printed; the rest are counted."""
WIDEST = 1000
"""Maximum width of a line that Python prints, in columns: keys of a LevelDB may have megabytes."""


class FindingSequence(Sequence[Finding]):
    """Findings in source order, however many. They are read from where they are kept, anew on each access."""

    def __iter__(self) -> Iterator[Finding]:
        return self.since(0)

    def since(self, place: int) -> Iterator[Finding]:
        """Yield the findings from a place on."""
        raise NotImplementedError

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> FindingSequence: ...
    def __getitem__(self, at: int | slice) -> Finding | FindingSequence:
        if isinstance(at, slice):
            return SliceOfFindings(self, range(len(self))[at])
        place = at + len(self) if at < 0 else at
        finding = None if place < 0 else next(self.since(place), None)
        if finding is None:
            raise IndexError(f"there is no finding {at} among {len(self):,}")
        return finding

    def __contains__(self, finding: object) -> bool:
        return any(finding == it for it in self)

    def __reversed__(self) -> Iterator[Finding]:
        return reversed(list(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FindingSequence):
            return NotImplemented
        return all(one == two for one, two in _side_by_side(self, other))

    __hash__ = None  # type: ignore[assignment]

    def where(
        self,
        code: str | Collection[str] | None = None,
        verdict: str | Collection[str] | None = None,
        family: str | None = None,
    ) -> FindingSequence:
        """Return those findings that have one of these codes, one of these verdicts, and a key of this family.

        A family is that of `--ignore CODE:FAMILY`: the key with `#` for its numbers, as in "image-#", or the name of a
        table. Raises UsageError for an unknown verdict.

        Examples
        --------
        >>> report.findings.where(code="nan", family="image-#")  # doctest: +SKIP
        """
        verdicts = _names(verdict)
        for name in verdicts or ():
            if name not in VERDICTS:
                raise UsageError(f"no verdict is called {name!r}; it is one of {', '.join(VERDICTS)}")
        return ChosenFindings(self, _names(code), verdicts, family)

    def __str__(self) -> str:
        lines = [_line(it) for it in islice(self, PRINTED)]
        count = len(self) if len(lines) == PRINTED else len(lines)
        more = [f"and {count - PRINTED:,} more"] if count > PRINTED else []
        return "\n".join([*lines, *more]) if lines else "no findings"

    __repr__ = __str__


class SliceOfFindings(FindingSequence):
    """Some of the findings of another sequence, by position."""

    def __init__(self, findings: FindingSequence, places: range) -> None:
        self._findings, self._places = findings, places

    def __len__(self) -> int:
        return len(self._places)

    def since(self, place: int) -> Iterator[Finding]:
        """Yield the findings from a place on."""
        places = self._places[place:]
        if not places:
            return
        if places.step < 0:
            forwards = places[::-1]
            step = forwards.step
            yield from reversed(list(islice(self._findings.since(forwards[0]), 0, len(forwards) * step, step)))
            return
        yield from islice(self._findings.since(places[0]), 0, len(places) * places.step, places.step)


class ChosenFindings(FindingSequence):
    """The findings of another sequence that have certain codes, certain verdicts, or a certain family."""

    def __init__(
        self,
        findings: FindingSequence,
        codes: frozenset[str] | None,
        verdicts: frozenset[str] | None,
        family: str | None,
    ) -> None:
        self._findings, self._codes, self._verdicts = findings, codes, verdicts
        self._in_family = None if family is None else of_family(family)

    def since(self, place: int) -> Iterator[Finding]:
        """Yield the findings from a place on."""
        return islice(filter(self._chosen, self._findings), place, None)

    def _chosen(self, finding: Finding) -> bool:
        return (
            (self._codes is None or finding.code in self._codes)
            and (self._verdicts is None or finding.verdict in self._verdicts)
            and (self._in_family is None or self._in_family(finding))
        )


def _names(given: str | Collection[str] | None) -> frozenset[str] | None:
    return None if given is None else frozenset([given] if isinstance(given, str) else given)


def _side_by_side(one: FindingSequence, two: FindingSequence) -> Iterator[tuple[Any, Any]]:
    if len(one) != len(two):
        yield one, None
        return
    yield from zip(one, two, strict=True)


def cut(line: str, limit: int = WIDEST) -> str:
    """Return a line cut to at most `limit` characters."""
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _line(finding: Finding) -> str:
    record = finding.name or finding.file or finding.database or "the store"
    field = "" if finding.field is None else f"{finding.field}: "
    return cut(f"{finding.code} ({finding.verdict}): {record}: {field}{finding.message}")
