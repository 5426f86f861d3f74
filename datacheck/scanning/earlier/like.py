"""Compare a store with an earlier report of another store: payloads, fields, shapes, ranges and classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datacheck.decoders import is_decoder, payload
from datacheck.errors import UsageError
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, found
from datacheck.model.profile import NEARLY_ALL, UNKNOWN, FamilyProfile, Profile
from datacheck.model.settings import Settings
from datacheck.reporting.document import Document
from datacheck.reporting.earlier import place_of, read
from datacheck.statistics.exact_sums import FieldSummary

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator
    from datacheck.model.blocks import AnyBlock

TOLERANCE = "10%"
"""Share of its width by which a range is widened on either side by default."""


def like_of(settings: Settings, path: str | Path) -> Like | None:
    """Return what a source has to be like, or None if the settings do not say. Raises UsageError as LikeReport does."""
    report = like_report(settings)
    return None if report is None else report.of(str(path))


def like_report(settings: Settings) -> LikeReport | None:
    """Return the earlier report that the settings name. It is read once for many sources."""
    if settings.like is None:
        return None
    path = Path(settings.like)
    try:
        state = path.stat()
    except (OSError, ValueError) as exc:
        raise UsageError(f"{path}: could not be read: {getattr(exc, 'strerror', exc)}") from exc
    return _read(path, settings.like_tolerance, (state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=1)
def _read(path: Path, tolerance: str | None, state: tuple[int, int]) -> LikeReport:
    return LikeReport(path, tolerance)


class LikeReport:
    """An earlier report whose sources others have to be like. Raises UsageError if it describes no records."""

    def __init__(self, path: Path, tolerance: str | None) -> None:
        self._path, self._documents = path, read(path).reports
        self._tolerance = float((tolerance or TOLERANCE).removesuffix("%")) / 100
        if not any(family.sampled for it in self._documents for family in it.profile.every):
            raise UsageError(f"{path}: tells of no records what they are like; scan a store that has some")

    def of(self, path: str) -> Like:
        """Return what a source has to be like: the source of the same name, or the only one of the report."""
        place = 0 if len(self._documents) == 1 else place_of(self._documents, path, alone=True)
        if place is None:
            raise UsageError(f"{self._path}: is of several sources, and none is called as {path} is")
        document = self._documents[place]
        return Like(str(self._path), document.profile, *_bounds(document, self._tolerance))


def _bounds(
    document: Document, tolerance: float
) -> tuple[Mapping[str, tuple[float, float]], Mapping[str, frozenset[float]]]:
    """Return the widened ranges of the fields, and the classes of those fields that are labels."""
    encoded = {name for it in document.profile.every if it.decoder == "picture" for name in it.fields}
    ranges: dict[str, tuple[float, float]] = {}
    classes: dict[str, frozenset[float]] = {}
    for name, summary in document.statistics.items():
        if summary.counts is not None:
            classes[name] = frozenset(map(float, summary.counts))
        elif name not in encoded and (pair := _widened(summary, tolerance)) is not None:
            ranges[name] = pair
    return ranges, classes


def _widened(summary: FieldSummary, tolerance: float) -> tuple[float, float] | None:
    if summary.min is None or summary.max is None:
        return None
    margin = tolerance * (summary.max - summary.min or abs(summary.max))
    return summary.min - margin, summary.max + margin


@dataclass(frozen=True)
class Like:
    """What a source has to be like, as a View of it. Its checks are the ranges and classes of the other source."""

    path: str
    profile: Profile
    ranges: Mapping[str, tuple[float, float]]
    classes: Mapping[str, frozenset[float]]

    pixels = False

    def validators(self) -> Sequence[Validator]:
        """Return the checks of values and labels."""
        from datacheck.checks.known_labels import KnownLabel
        from datacheck.checks.validators import Range

        ranges = [Range(*pair, field=name) for name, pair in self.ranges.items()]
        labels = [KnownLabel(name=name, classes=values, report=self.path) for name, values in self.classes.items()]
        return [*ranges, *labels]

    def review(self, block: AnyBlock, row: int | None, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Return the findings unchanged."""
        return findings

    def expected(self, own: Profile) -> tuple[Profile, list[Finding]]:
        """Return the profile that the records are held to, and findings for differences of a whole family.

        `own` is the profile of the source itself.
        """
        pairs = _family_pairs(own.families, self.profile.families)
        findings: list[Finding] = []
        families = {}
        for name, family in own.families.items():
            other = pairs.get(name)
            families[name] = family if other is None else _expected_family(family, self.profile.families[other])
            if other is not None:
                findings += self._differences(name, family, self.profile.families[other])
            elif self.profile.families:
                message = f"there are records of {_family(name)}, and none like them in {self.path}"
                findings.append(found("fields", message, family=name))
        for name in self.profile.families.keys() - pairs.values():
            message = f"there are no records of {_family(name)}, which {self.path} has"
            findings.append(found("missing", message, family=name))
        return msgspec.structs.replace(own, families=families), sorted(findings, key=lambda it: it.message)

    def _differences(self, name: str, own: FamilyProfile, other: FamilyProfile) -> Iterator[Finding]:
        """Yield the differences that all records of a family have: another payload, a missing field, another dtype."""
        if own.decoder != other.decoder and UNKNOWN not in (own.decoder, other.decoder):
            message = f"the records of {_family(name)} are {_title(own)}, those in {self.path} {_title(other)}"
            yield found("missing", message, family=name, found=own.decoder, expected=other.decoder)
            return
        for field, expected in other.fields.items():
            own_field = own.fields.get(field)
            if own_field is None and field not in own.columns:
                if expected.share >= NEARLY_ALL:
                    message = (
                        f"no record of {_family(name)} has the field {plain(field)}, which those in {self.path} have"
                    )
                    yield found("missing", message, field=field, family=name)
            elif own_field is not None and own_field.dtype and expected.dtype and own_field.dtype != expected.dtype:
                message = f"{own_field.dtype}, and {expected.dtype} in {self.path}"
                yield found("fields", message, field=field, family=name, found=own_field.dtype, expected=expected.dtype)
        for column in other.columns.keys() - own.columns.keys() - own.fields.keys():
            message = f"no record of {_family(name)} has the column {plain(column)}, which those in {self.path} have"
            yield found("missing", message, field=column, family=name)


def _family(name: str) -> str:
    return f"the family {name!r}" if name else "the other keys"


def _title(family: FamilyProfile) -> str:
    return payload(family.decoder).title.format(field="data") if is_decoder(family.decoder) else family.decoder


def _expected_family(own: FamilyProfile, other: FamilyProfile) -> FamilyProfile:
    """Return the profile that a family is held to: the other one's, unless the caller forced how its values are read.

    Differences of all of its records (another payload, a missing field, another dtype) are reported once, so the result
    leaves them out.
    """
    if own.forced or own.decoder != other.decoder:
        return own
    fields = {
        name: msgspec.structs.replace(
            it, dtype=mine.dtype, constant=mine.constant, large=mine.large, centre=mine.centre
        )
        for name, it in other.fields.items()
        if (mine := own.fields.get(name)) is not None
    }
    fields |= {name: it for name, it in other.fields.items() if it.share < NEARLY_ALL and name not in fields}
    columns = {
        name: _expected_family(it, other.columns[name]) if name in other.columns else it
        for name, it in own.columns.items()
    }
    return msgspec.structs.replace(other, sampled=own.sampled, fields=fields, columns=columns, classes=own.classes)


def _family_pairs(own: Mapping[str, FamilyProfile], other: Mapping[str, FamilyProfile]) -> dict[str, str]:
    """Return the family of the other store that each family is held to.

    Families of the same name are paired first, then families with the same payload if there is only one on either side,
    and then the last remaining family on either side.
    """
    pairs = {name: name for name in own if name in other}
    left, free = own.keys() - pairs.keys(), other.keys() - pairs.keys()
    by_decoder: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for which, (names, families) in enumerate(((left, own), (free, other))):
        for name in sorted(names):
            by_decoder[families[name].decoder][which].append(name)
    pairs |= {mine[0]: theirs[0] for mine, theirs in by_decoder.values() if len(mine) == len(theirs) == 1}
    left, free = left - pairs.keys(), free - set(pairs.values())
    if len(left) == len(free) == 1:
        pairs[left.pop()] = free.pop()
    return pairs
