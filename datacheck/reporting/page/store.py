"""The store on the page: its families, the range of each field, the labels, and what the scan was asked to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.backends import title
from datacheck.checks.class_balance import balance_sentence
from datacheck.model.escaping import plain
from datacheck.model.profile import UNKNOWN, FamilyProfile
from datacheck.model.replacing import replace
from datacheck.model.settings import LOOKED, UNWALKED, Settings
from datacheck.reporting.page.words import cut, readable
from datacheck.reporting.payloads import payload_row
from datacheck.statistics.exact_sums import FieldSummary

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

FAMILIES, FIELDS = 40, 24
"""Maximum number of families of keys that are listed, and of fields of each."""
FEW = 20
"""Maximum number of labels that are listed one by one, each with its count."""
WORDS = frozenset({"text", "bytes", "other"})
FEW_SIDES = 6
BARS = 120
"""Maximum number of bars of a histogram; if there are more labels, they share bars."""


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram, in thousandths of the histogram's length and hundredths of its height."""

    at: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Histogram:
    """How often each label occurs."""

    name: str
    bars: list[Bar]
    least: str
    greatest: str
    most: str
    classes: str
    few: list[tuple[str, str, float]] = field(default_factory=list)
    title: str = "How often each"


@dataclass(frozen=True)
class Family:
    """A family of keys: what its records are, and their fields."""

    name: str
    what: str
    sampled: int
    fields: list[tuple[str, str, str, str]]
    more: int = 0
    kinds: str = ""


@dataclass(frozen=True)
class Store:
    """The content of a store, as the page shows it."""

    kind: str
    families: list[Family]
    more_families: int
    ranges: list[tuple[str, str, str, str, str, str]]
    histograms: list[Histogram]
    facts: list[tuple[str, str]] = field(default_factory=list)


def store_of(report: Report) -> Store:
    """Return the content of a store for the page."""
    families = dict(report.profile.families)
    if report.profile.rest is not None:
        families["all other keys"] = report.profile.rest
    listed = [_family(name, it) for name, it in list(families.items())[:FAMILIES]]
    statistics = report.statistics
    return Store(
        title(report.source.backend),
        listed,
        max(0, len(families) - FAMILIES),
        [_range(name, it) for name, it in list(statistics.items())[:200] if it.count],
        [*islice(_histograms(report, statistics), FIELDS)],
        list(_facts(report)),
    )


def _family(name: str, family: FamilyProfile) -> Family:
    fields = [*_fields(family, "")]
    for column, profile in family.columns.items():
        fields += [*_fields(profile, column)] or [(cut(readable(column), 80), _kind(profile), "", "")]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in family.kinds.items()) if len(family.kinds) > 1 else ""
    return Family(
        cut(readable(name), 120), _kind(family), family.sampled, fields[:FIELDS], max(0, len(fields) - FIELDS), kinds
    )


def _kind(family: FamilyProfile) -> str:
    if family.decoder == UNKNOWN:
        return "no decoder knows them"
    if family.decoder == "rows":
        return "rows"
    return payload_row(family.decoder).title.format(field="").strip().removesuffix(" with").removesuffix(" of")


def _fields(family: FamilyProfile, column: str) -> Iterator[tuple[str, str, str, str]]:
    for name, it in family.fields.items():
        wordy = it.shape == (0,) and it.format in WORDS  # it holds no numbers
        shape = "several sizes" if it.shape is None else " x ".join(map(str, it.shape)) or "one value"
        share = "" if it.share >= 1 else f"in {100 * it.share:.4g} %"
        path = name if not column else column if name == "data" else f"{column}/{name}"
        text = it.dtype.startswith("|S")
        kind = "text" if text else it.format if wordy else " ".join(word for word in (it.format, it.dtype) if word)
        yield cut(readable(plain(path)), 80), kind, "" if wordy or text else shape, share


def _range(name: str, it: FieldSummary) -> tuple[str, str, str, str, str, str]:
    numbers = (it.min, it.max, it.mean, it.std)
    least, greatest, mean, std = ("" if number is None else f"{number:.6g}" for number in numbers)
    return cut(readable(plain(name)), 80), f"{it.count:,}", least, greatest, mean, std


def _histograms(report: Report, statistics: Mapping[str, FieldSummary]) -> Iterator[Histogram]:
    """Yield a histogram of each label, and of the heights and widths of pictures if they differ."""
    for name, summary in statistics.items():
        histogram = _histogram(name, summary)
        if histogram is not None:
            yield histogram
        measured = report.tally.statistics.get(name)  # a loaded report has only the results
        sides = {} if measured is None else measured.sides
        for axis, word in enumerate(("height", "width")):
            counts = {str(side): count for (at, side), count in sorted(sides.items()) if at == axis}
            histogram = _histogram(name, FieldSummary(0, counts=counts))
            if histogram is not None:
                few = histogram.few if len(histogram.few) <= FEW_SIDES else []
                note = f"{len(counts):,} different ones, rounded down" if len(counts) > FEW_SIDES else ""
                yield replace(
                    histogram,
                    few=few,
                    classes=note or f"{len(counts):,} different ones",
                    title=f"The {word} of pictures in",
                )


def _histogram(name: str, summary: FieldSummary) -> Histogram | None:
    counts = summary.counts
    if not counts or len(counts) < 2:
        return None
    labels = [(int(label), count) for label, count in counts.items()]
    low, high = labels[0][0], labels[-1][0]
    if high - low < BARS:
        by_label = dict(labels)
        pieces = [(label, label, by_label.get(label, 0)) for label in range(low, high + 1)]
    else:  # labels that are far apart share bars by their rank
        step = -(-len(labels) // BARS)
        groups = [labels[at : at + step] for at in range(0, len(labels), step)]
        pieces = [(it[0][0], it[-1][0], sum(count for _, count in it)) for it in groups]
    largest = max(count for *_, count in pieces)
    few = [(str(label), f"{count:,}", round(100 * count / largest, 2)) for label, count in labels[: FEW + 1]]
    width = 1000 / len(pieces)
    bars = [
        Bar(
            round(at * width, 2),
            round(max(width - min(2.0, width / 4), 0.5), 2),
            round(100 * count / largest, 2),
            f"{first}: {count:,}" if first == last else f"{first} to {last}: {count:,}",
        )
        for at, (first, last, count) in enumerate(pieces)
    ]
    return Histogram(
        cut(readable(plain(name)), 80),
        bars,
        str(low),
        str(high),
        f"{largest:,}",
        f"{len(labels):,} different labels",
        few if len(few) <= FEW else [],
    )


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what is known of the store besides its records, and what the scan was asked for."""
    names = report.convention_names
    if names:
        yield "Conventions", ", ".join(names)
    if report.balance is not None:
        yield "Batches", plain(balance_sentence(report.balance))
    if report.layer is not None:
        layer = report.layer
        yield "Read by", plain(f"layer {layer.name} ({layer.type}) of {layer.net}, line {layer.line}")
    if report.settings.config is not None:
        yield "Configuration", plain(report.settings.config.sentence)
    if report.settings.eyes in LOOKED:
        yield "JPEGs", LOOKED[report.settings.eyes]
    if report.unwalked:
        yield "JPEGs", f"{UNWALKED}: {plain(report.unwalked)}"
    if report.tally.ignored:
        yield "Ignored", ", ".join(f"{count:,} {code}" for code, count in sorted(report.tally.ignored.items()))
    again = report.found_again
    if again is not None:
        found_again = ", ".join(f"{count:,} {code}" for code, count in sorted(again.still.items())) or "none found"
        gone = f"; {again.gone:,} gone" if again.gone else ""
        yield "Known", plain(f"{found_again}, as {again.report} has them{gone}")
    if report.unchanged:
        yield "Unchanged", plain(f"answered from {report.unchanged}")
    folder = report.source.folder
    if folder and folder.not_read:
        yield "Not read", ", ".join(f"{count:,} {kind}" for kind, count in folder.not_read.items())
    yield from _settings(report.settings)


def _settings(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the settings that differ from their defaults."""
    defaults: Mapping[str, Any] = msgspec.to_builtins(Settings())
    for name, value in msgspec.to_builtins(settings).items():
        if name in ("config", "workers", "eyes") or value == defaults[name]:
            continue
        yield f"--{name.replace('_', '-')}", cut(plain(_spelled(value)), 200)


def _spelled(value: Any) -> str:
    if value is True:
        return "yes"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_spelled(it)}" for name, it in value.items() if it is not None)
    if isinstance(value, list | tuple):
        return ", ".join(map(_spelled, value))
    return str(value)
