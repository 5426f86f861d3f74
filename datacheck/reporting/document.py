"""The structure of a report in JSON, and its JSON Schema."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from datacheck.checks.class_balance import Balance
from datacheck.model.finding import Finding, full_name
from datacheck.model.profile import Profile
from datacheck.model.settings import Settings
from datacheck.reporting.compared import Checksums, Comparison
from datacheck.reporting.log_series import RunSummary, SeriesPoint
from datacheck.reporting.per_file import Reused
from datacheck.reporting.source import LayerSource, NotScanned, Source
from datacheck.statistics.exact_sums import FieldSummary

SCHEMA: Literal["datacheck-report/1"] = "datacheck-report/1"
SCHEMA_OF_MANY: Literal["datacheck-reports/1"] = "datacheck-reports/1"


class Gone(msgspec.Struct, frozen=True, omit_defaults=True):
    """A finding of an earlier report that was not found again."""

    code: str
    message: str
    key: str | None = None
    field: str | None = None
    database: str | None = None
    file: str | None = None

    @property
    def name(self) -> str:
        """The readable name of the record it was about; empty if it was about the store."""
        return "" if self.key is None else full_name(self.key, self.file, self.database)


class KnownCounts(msgspec.Struct, frozen=True):
    """How many findings of an earlier report are still there, by code, and how many are gone.

    `gone` is None if not everything that has findings in that report was examined.
    """

    report: str
    still: dict[str, int]
    gone: int | None


class Document(msgspec.Struct, kw_only=True):
    """A report in JSON, field for field and in this order; the JSON Schema is generated from this.

    `status` is the exit status for the report, `started` the time in UTC. `ignored` counts, by code, the findings that
    the caller chose to ignore: they are in no other number, and not in `findings`. The same is true of the findings
    that an earlier report has, which `known` counts; `gone` are those of its findings that were not found again.
    `unchanged` is the earlier report that all of this comes from because the source is the same. `reused` says how many
    files were read if the results of the others come from an earlier report. `per_file` holds the results of each file
    of the source, packed, so that a later scan reads only the files that changed.
    """

    schema: Literal["datacheck-report/1"] = SCHEMA
    version: str
    status: int
    clean: bool
    started: str
    source: Source
    settings: Settings
    profile: Profile
    conventions: list[str] | msgspec.UnsetType = msgspec.UNSET
    groups: int | msgspec.UnsetType = msgspec.UNSET
    complete: bool
    checked: int
    bad: int
    suspicious: int
    unverifiable: int
    counts: dict[str, int]
    ignored: dict[str, int] | msgspec.UnsetType = msgspec.UNSET
    known: KnownCounts | msgspec.UnsetType = msgspec.UNSET
    gone: list[Gone] | msgspec.UnsetType = msgspec.UNSET
    unchanged: str | msgspec.UnsetType = msgspec.UNSET
    reused: Reused | msgspec.UnsetType = msgspec.UNSET
    findings: list[Finding] | msgspec.UnsetType = msgspec.UNSET
    statistics: dict[str, FieldSummary]
    balance: Balance | msgspec.UnsetType = msgspec.UNSET
    layer: LayerSource | msgspec.UnsetType = msgspec.UNSET
    checksums: Checksums | msgspec.UnsetType = msgspec.UNSET
    comparison: Comparison | msgspec.UnsetType = msgspec.UNSET
    seconds: float
    runs: list[RunSummary] | msgspec.UnsetType = msgspec.UNSET
    series: list[SeriesPoint] | msgspec.UnsetType = msgspec.UNSET
    per_file: str | msgspec.UnsetType = msgspec.UNSET


class Documents(msgspec.Struct, kw_only=True):
    """The reports of a run of several sources.

    `status` is the exit status for all of them, and `clean` whether it is 0. `not_scanned` are the sources that have
    no report, since they could not be opened or the run ended before their turn.
    """

    schema: Literal["datacheck-reports/1"] = SCHEMA_OF_MANY
    status: int | msgspec.UnsetType = msgspec.UNSET
    clean: bool | msgspec.UnsetType = msgspec.UNSET
    not_scanned: list[NotScanned] | msgspec.UnsetType = msgspec.UNSET
    reports: list[Document]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report document, or of several."""
    either, components = msgspec.json.schema_components([Document, Documents], ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "anyOf": list(either), "$defs": components}


def schema_text() -> str:
    """Return the JSON Schema as text for printing."""
    import json

    return json.dumps(schema(), indent=2)
