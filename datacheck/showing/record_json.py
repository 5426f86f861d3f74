"""Render single records as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

import msgspec

from datacheck._version import __version__
from datacheck.model.finding import Finding
from datacheck.model.settings import Configuration
from datacheck.showing.field_values import FieldValues

SCHEMA: Literal["datacheck-record/1"] = "datacheck-record/1"
SCHEMA_OF_MANY: Literal["datacheck-records/1"] = "datacheck-records/1"


class RecordDocument(msgspec.Struct, kw_only=True):
    """One record as `show --format json` writes it.

    `key` is written as it was asked for. `decoder` and `bytes` say what the record is and how large, as far as that is
    known. `more_fields` is the number of fields that are not listed. `not_checked` and `ignore` say what the record was
    not judged by. `unread` says why the record may be there although it was not found. `saved` is the file that
    `--save` wrote.
    """

    schema: Literal["datacheck-record/1"] = SCHEMA
    version: str = __version__
    source: str
    key: str
    status: int
    decoder: str | None = None
    bytes: int | None = None
    fields: list[FieldValues] = []
    more_fields: int = 0
    findings: list[Finding] = []
    damage: str | None = None
    unread: str | None = None
    not_checked: list[str] = []
    ignore: list[str] = []
    config: Configuration | None = None
    saved: str | None = None


class RecordDocuments(msgspec.Struct, kw_only=True):
    """Several records."""

    schema: Literal["datacheck-records/1"] = SCHEMA_OF_MANY
    records: list[RecordDocument]


def records_json(documents: Sequence[RecordDocument], *, many: bool) -> str:
    """Return the JSON of one record, or of `many`, which may be any number."""
    document = RecordDocuments(records=list(documents)) if many else documents[0]
    return json.dumps(msgspec.to_builtins(document), indent=2, allow_nan=False)
