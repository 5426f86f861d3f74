"""What becomes of each record: kept, dropped or altered, by its findings and what the caller chose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal

import msgspec

from datacheck.errors import UsageError
from datacheck.model.codes import CODES, VERDICTS
from datacheck.model.finding import Finding
from datacheck.model.nearest import instead

Fate = Literal["kept", "dropped", "altered"]
FILLABLE = frozenset({"nan", "inf"})


@dataclass(frozen=True)
class Choice:
    """Which records a rebuild drops: those with a bad finding, or with one of some codes or verdicts, less others.

    What is neither a code nor a verdict is the name of a record (`key`, `file:key` or `database:key`) that a finding is
    about.
    """

    drop_bad: bool = False
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    fill: float | None = None

    def __post_init__(self) -> None:
        if self.fill is not None and not math.isfinite(self.fill):
            raise UsageError(f"--fill is {self.fill}; it must be a finite number, or the copy is as bad as the source")

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of records among what is to be dropped or kept."""
        return frozenset(it for it in (*self.drop, *self.keep) if it not in CODES and it not in VERDICTS)

    def require_known(self, findings: Iterable[Finding], source: str) -> None:
        """Raise UsageError for a name that is no code and no verdict, and that none of the findings has."""
        unknown = set(self.names)
        for finding in findings if unknown else ():
            unknown.discard(finding.name or "")
        if unknown:
            raise unknown_name(min(unknown), f"no finding in {source} is about a record of that name")

    @property
    def made(self) -> bool:
        """Whether a choice was made at all: without one, a source with bad records is refused."""
        return self.drop_bad or bool(self.drop or self.keep) or self.fill is not None

    @property
    def shown(self) -> Choice:
        """What is shown to whoever has not chosen: what dropping every bad record would do."""
        return self if self.made else Choice(drop_bad=True)

    def fate(self, findings: Iterable[Finding]) -> Fate:
        """Return what becomes of a record with these findings."""
        fates = {self._of(finding) for finding in findings}
        return "dropped" if "dropped" in fates else "altered" if "altered" in fates else "kept"

    def _of(self, finding: Finding) -> Fate:
        name = finding.name if self.names else None
        if name in self.names:
            return "kept" if name in self.keep else "dropped"
        if finding.code in self.keep or finding.verdict in self.keep:
            return "kept"
        if self.fill is not None and finding.code in FILLABLE:
            return "altered"
        chosen = finding.code in self.drop or finding.verdict in self.drop
        return "dropped" if chosen or (self.drop_bad and finding.verdict == "bad") else "kept"


def unknown_name(name: str, why: str) -> UsageError:
    """Return the error for a name that says nothing of what is to be dropped or kept."""
    return UsageError(f"{name!r} is neither a verdict nor a code, and {why}; {instead(name, (*VERDICTS, *CODES))}")


class Decided(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that was dropped or altered, and for which codes.

    Of one that went with another record of its sample the code is `unpaired`; in a store of keys it has no `index`.
    """

    key: str
    index: int | None
    codes: tuple[str, ...]
    database: str | None = None
    file: str | None = None


def decided(findings: Iterable[Finding], choice: Choice) -> Iterator[tuple[Fate, Decided, list[Finding]]]:
    """Yield each record that has findings, in source order, with what becomes of it."""
    for (file, database, key, index), group in groupby(findings, lambda finding: finding.record):
        if key is None or index is None:
            continue
        of_record = list(group)
        codes = tuple(dict.fromkeys(finding.code for finding in of_record))
        record = Decided(key=key, index=index, codes=codes, database=database, file=file)
        yield choice.fate(of_record), record, of_record
