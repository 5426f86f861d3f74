"""Escape the texts of an earlier report, so that printing them cannot send commands to a terminal.

A report may have come with a dataset, and what it says is printed as if datacheck had said it. What datacheck writes is
printable already, except paths and tracebacks, which are escaped where they are printed.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile
from datacheck.reporting.document import Document

F = TypeVar("F", bound=Finding)
PRINTED = ("key", "field", "code", "message", "database", "file")


def printable(finding: F) -> F:
    """Return a finding with all unprintable characters in its texts escaped."""
    texts = {name: getattr(finding, name) for name in PRINTED}
    changed = {name: plain(it) for name, it in texts.items() if it and not it.isprintable()}
    return msgspec.structs.replace(finding, **changed) if changed else finding


def printable_document(document: Document) -> Document:
    """Return a report with its texts escaped: findings, profile, counts, start time, and what its source is."""
    source = document.source
    decoder = None if source.decoder is None else plain(source.decoder)
    findings = document.findings
    return msgspec.structs.replace(
        document,
        started=plain(document.started),
        source=msgspec.structs.replace(source, backend=plain(source.backend), decoder=decoder),
        profile=msgspec.convert(_plain(msgspec.to_builtins(document.profile)), Profile),
        counts=_plain(document.counts),
        findings=findings if isinstance(findings, msgspec.UnsetType) else [printable(it) for it in findings],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {_plain(name): _plain(it) for name, it in value.items()}
    return [_plain(it) for it in value] if isinstance(value, (list, tuple)) else value
