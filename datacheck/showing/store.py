"""Describe what is in a store without reading all of it: by its layout, its conventions, and sampled records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from datacheck.backends.interface import Reader
from datacheck.conventions.interface import Convention
from datacheck.decoders.trees.paths import is_label
from datacheck.engines import start_engine
from datacheck.model.blocks import Layout
from datacheck.model.finding import Finding, key_name
from datacheck.model.profile import Profile
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning.judging.odd_lengths import with_known_shapes
from datacheck.scanning.keys import keeping
from datacheck.scanning.names import Names
from datacheck.scanning.profile.probing import take_profile, undecided
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.run import OPENING, decoders_of
from datacheck.scanning.scan import prepare_all
from datacheck.scanning.searching import Searching, unshown
from datacheck.scanning.tasks import Job, TakeLayout, Task, run_one
from datacheck.showing.contents import Part, TakeParts
from datacheck.workers.interface import Death, Engine, MakeEngine

SCHEMA: Literal["datacheck-info/1"] = "datacheck-info/1"
SCHEMA_OF_MANY: Literal["datacheck-infos/1"] = "datacheck-infos/1"


class Sampled(msgspec.Struct, frozen=True):
    """The basis of an Info: the number of sampled records, and of the places that they are from.

    The places are spread evenly over the store.
    """

    records: int
    places: int


class Kept(msgspec.Struct, frozen=True):
    """A convention, and what the store keeps by it: numbers of records and lengths of key lists, by the keys of both.

    A number is None if the stored value is not a number.
    """

    name: str
    counts: dict[str, int | None] = {}
    lists: dict[str, int] = {}


class Info(msgspec.Struct, kw_only=True):
    """The description of a store, as far as a sample shows it; it does not say whether the records are sound.

    `labels` are the fields that are labels, by family. `parts` are its databases or tables, besides which there may be
    `more_parts`. `met` holds findings of what prevented a complete look; it is empty if nothing did.
    """

    schema: Literal["datacheck-info/1"] = SCHEMA
    version: str
    source: Source
    settings: Settings
    sampled: Sampled
    profile: Profile
    labels: dict[str, list[str]] = {}
    conventions: list[Kept] = []
    parts: list[Part] = []
    more_parts: int = 0
    met: list[Finding] = []

    @property
    def status(self) -> int:
        """The exit status: 3 if something prevented a complete look."""
        return 3 if self.met or any(it.unread or not it.first_keys for it in self.parts) else 0


FOR_A_SCAN = frozenset({"row-count", "count", "shape", "unpaired", "dangling", "unwritten"})
"""Codes of layout findings that hide nothing from this description: a scan reports what they say of the data."""


class Infos(msgspec.Struct, kw_only=True):
    """The descriptions of several stores."""

    schema: Literal["datacheck-infos/1"] = SCHEMA_OF_MANY
    infos: list[Info]


def info_json(infos: Sequence[Info]) -> str:
    """Return the JSON document for one store, or for several."""
    document = msgspec.to_builtins(infos[0] if len(infos) == 1 else Infos(infos=list(infos)))
    return json.dumps(document, indent=2, allow_nan=False)


def describe(
    source: str | Path | Reader,
    settings: Settings,
    names: Names | None = None,
    engine: MakeEngine | None = None,
    searching: Searching = unshown,
) -> Iterator[Info]:
    """Yield what is in the stores at a source; a folder may hold many. Raises as `scan` does.

    The work is bounded, however large the store: it covers the layout, the sample that a profile is taken from, the
    values of its conventions, and the first keys of its parts.
    """
    prepared = prepare_all(source, settings, searching)
    names = Names(settings) if names is None else names
    names.sources = len(prepared)
    for reader, report in prepared:
        with start_engine(Job(reader, settings), 1, engine) as pool:
            yield _describe_store(pool, reader, report, names)


def _describe_store(pool: Engine[Task], reader: Reader, report: Report, names: Names) -> Info:
    from datacheck._version import __version__

    info = Info(
        version=__version__, source=report.source, settings=report.settings, sampled=Sampled(0, 0), profile=Profile()
    )
    layout = run_one(pool, TakeLayout())
    if isinstance(layout, Death):
        names.skip()
        info.met.append(finding_of_death(layout, OPENING, of_record=False))
        return info
    info.source = msgspec.structs.replace(info.source, records=layout.records, bytes=layout.size)
    info.met += (it for it in layout.findings if it.code not in FOR_A_SCAN)
    taken = take_profile(pool, layout)
    report.profile = taken.profile
    names.look(report, taken, pool)
    for tally in undecided(taken, layout, reader, finding_of_death):
        info.met += tally.findings
    known = keeping.recognise(pool, layout, taken)
    if isinstance(known, Death):
        doing = "finding out what the store keeps beside its records"
        info.met.append(finding_of_death(known, doing, of_record=False))
        known = {}
    info.profile = with_known_shapes(taken.profile, known)
    sampled = sum(it.sampled for it in info.profile.every)
    if layout.records is not None:  # places may overlap in a small store
        sampled = min(sampled, layout.records)
    info.sampled = Sampled(sampled, len(layout.probes))
    info.source = msgspec.structs.replace(info.source, decoder=decoders_of(info.profile))
    info.conventions = [
        _convention_content(it, part) for part, content in known.items() for it in content.conventions if it.name
    ]
    info.conventions += map(Kept, keeping.followed(layout, report.settings.conventions))
    info.labels = dict(_label_fields(info.profile, report.settings.label_field))
    _take_parts(pool, layout, info)
    return info


def _take_parts(pool: Engine[Task], layout: Layout, info: Info) -> None:
    taken = run_one(pool, TakeParts(tuple(layout.shards)))
    if isinstance(taken, Death):
        info.met.append(finding_of_death(taken, "looking at the first keys", of_record=False))
    else:
        info.parts, info.more_parts = taken


def _convention_content(convention: Convention, part: str) -> Kept:
    return Kept(
        convention.name,
        {key_name(it.key, part): it.number for it in convention.counts},
        {key_name(it.key, part): it.number for it in convention.lists},
    )


def _label_fields(profile: Profile, label_field: str | None) -> Iterator[tuple[str, list[str]]]:
    """Yield the families that have labels, with the fields that are labels."""
    for name, family in profile.families.items():
        fields = [*family.fields, *family.columns]
        labels = [it for it in fields if family.label or is_label(it) or _is_field(it, label_field)]
        if labels or family.label:
            yield name, labels


def _is_field(field: str, label_field: str | None) -> bool:
    return label_field is not None and f"/{field}".endswith(f"/{label_field.strip('/')}")
