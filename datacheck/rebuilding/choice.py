"""Decide whether each record is kept, dropped or altered, from its findings and the caller's choice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal

import msgspec

from datacheck.errors import UsageError
from datacheck.model.codes import CODES, VERDICTS
from datacheck.model.finding import Finding
from datacheck.model.nearest import suggestion

Fate = Literal["kept", "dropped", "altered"]
FILLABLE = frozenset({"nan", "inf"})


@dataclass(frozen=True)
class Choice:
    """The caller's choice of the records that a rebuild drops, keeps or alters.

    `drop_bad` drops the records with a bad finding. `drop` and `keep` hold codes and verdicts of findings to drop or to
    keep. Names take precedence over codes and verdicts, and `keep` over `drop`. A record is dropped if any of its
    findings is. An entry that is neither a code nor a verdict is the name of a record (`key`, `file:key` or
    `database:key`) that a finding is about, or a code of the caller's own validators. `fill` replaces NaN and infinite
    values instead of dropping their records.
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
        """The names of records in `drop` and `keep`, and codes of the caller's own validators."""
        return frozenset(it for it in (*self.drop, *self.keep) if it not in CODES and it not in VERDICTS)

    def require_known(self, findings: Iterable[Finding], source: str, own_codes: Set[str]) -> None:
        """Raise UsageError for a name in `drop` or `keep` that is no code, no verdict and no record with a finding.

        `own_codes` are codes of the caller's own validators; those that findings have are accepted, too.
        """
        unknown = self.names - own_codes
        for finding in findings if unknown else ():
            unknown -= {finding.name, finding.code}
        if unknown:
            raise unknown_name(min(unknown), f"no finding in {source} is about a record of that name")

    @property
    def made(self) -> bool:
        """Whether a choice was made at all; without one, a source with bad records is refused."""
        return self.drop_bad or bool(self.drop or self.keep) or self.fill is not None

    @property
    def shown(self) -> Choice:
        """The choice whose effect is shown: this one, or dropping every bad record if no choice was made."""
        return self if self.made else Choice(drop_bad=True)

    def fate(self, findings: Iterable[Finding]) -> Fate:
        """Return what becomes of a record with these findings."""
        fates = {self._fate_of(finding) for finding in findings}
        return "dropped" if "dropped" in fates else "altered" if "altered" in fates else "kept"

    def _fate_of(self, finding: Finding) -> Fate:
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
    """Return the error for a name in `drop` or `keep` that matches nothing; `why` says why no record has it."""
    return UsageError(f"{name!r} is neither a verdict nor a code, and {why}; {suggestion(name, (*VERDICTS, *CODES))}")


class Decided(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that was dropped or altered, and for which codes.

    A record that was dropped with another record of its sample has the code `unpaired`; in a key-value store it has no
    `index`.
    """

    key: str
    index: int | None
    codes: tuple[str, ...]
    database: str | None = None
    file: str | None = None


def decisions(findings: Iterable[Finding], choice: Choice) -> Iterator[tuple[Fate, Decided, list[Finding]]]:
    """Yield the fate of each record that has findings, the record, and its findings, in source order."""
    for (file, database, key, index), group in groupby(findings, lambda finding: finding.record):
        if key is None or index is None:
            continue
        of_record = list(group)
        codes = tuple(dict.fromkeys(finding.code for finding in of_record))
        record = Decided(key=key, index=index, codes=codes, database=database, file=file)
        yield choice.fate(of_record), record, of_record


def codes_left(fate: Fate, findings: Iterable[Finding]) -> set[str]:
    """Return the codes of what stays wrong with a record of this fate in the copy."""
    if fate == "dropped":
        return set()
    filled = FILLABLE if fate == "altered" else frozenset[str]()
    return {it.code for it in findings if it.verdict == "bad" and it.code not in filled}
