"""Find the records that would poison a training run in LMDB, LevelDB and HDF5 datasets, and name each one.

>>> import datacheck                                    # doctest: +SKIP
>>> report = datacheck.scan("train_lmdb")               # doctest: +SKIP
>>> report.clean, list(report.bad_keys())               # doctest: +SKIP
"""

TYPE_CHECKING = False
"""Replaces `typing.TYPE_CHECKING`. This module imports nothing, not even `typing`; `datacheck.__main__` says why."""

if TYPE_CHECKING:
    from typing import Any

    from datacheck._version import __version__
    from datacheck.backends import open_store
    from datacheck.checks.validators import Constant, Finite, Format, HalfOverflow, Label, Range, Shape
    from datacheck.comparing.checksum import checksum
    from datacheck.comparing.compare import compare
    from datacheck.errors import (
        DatacheckError,
        NotClean,
        PrototxtMalformed,
        RebuildFailed,
        RecordMissing,
        RecordUnreadable,
        ReportFailed,
        SourceMissing,
        SourceUnknown,
        SourceUnreadable,
        TargetExists,
        UnfitRecord,
        UsageError,
        ValidatorFailed,
    )
    from datacheck.linting import lint
    from datacheck.logs.diagnosis import LogReport
    from datacheck.logs.reading import read_log
    from datacheck.model.batch import Batch
    from datacheck.model.escaping import escape, unescape
    from datacheck.model.finding import Finding, found
    from datacheck.netscan.scan import scan_net
    from datacheck.rebuilding.api import rebuild
    from datacheck.rebuilding.receipt import Receipt
    from datacheck.reporting.finding_sequence import FindingSequence
    from datacheck.reporting.loading import load_report
    from datacheck.reporting.report import Report
    from datacheck.reporting.several import ScanReports
    from datacheck.scanning.scan import scan
    from datacheck.showing.loading import LoadedRecord, load, records

_HOMES = {
    "__version__": "_version",
    "lint": "linting",
    "checksum": "comparing.checksum",
    "compare": "comparing.compare",
    "open_store": "backends",
    "Batch": "model.batch",
    "escape": "model.escaping",
    "unescape": "model.escaping",
    "Finding": "model.finding",
    "FindingSequence": "reporting.finding_sequence",
    "found": "model.finding",
    "load": "showing.loading",
    "LoadedRecord": "showing.loading",
    "records": "showing.loading",
    "load_report": "reporting.loading",
    "LogReport": "logs.diagnosis",
    "read_log": "logs.reading",
    "Receipt": "rebuilding.receipt",
    "Report": "reporting.report",
    "ScanReports": "reporting.several",
    "rebuild": "rebuilding.api",
    "scan": "scanning.scan",
    "scan_net": "netscan.scan",
    **dict.fromkeys(
        ("Constant", "Finite", "Format", "HalfOverflow", "Label", "Range", "Shape"),
        "checks.validators",
    ),
    **dict.fromkeys(
        (
            "DatacheckError",
            "NotClean",
            "PrototxtMalformed",
            "RebuildFailed",
            "RecordMissing",
            "RecordUnreadable",
            "ReportFailed",
            "SourceMissing",
            "SourceUnknown",
            "SourceUnreadable",
            "TargetExists",
            "UnfitRecord",
            "UsageError",
            "ValidatorFailed",
        ),
        "errors",
    ),
}
"""The module that defines each public name; it is imported on first use, so that `import datacheck` is quick."""

__all__ = [
    "Batch",
    "Constant",
    "DatacheckError",
    "Finding",
    "FindingSequence",
    "Finite",
    "Format",
    "HalfOverflow",
    "Label",
    "LoadedRecord",
    "LogReport",
    "NotClean",
    "PrototxtMalformed",
    "Range",
    "RebuildFailed",
    "Receipt",
    "RecordMissing",
    "RecordUnreadable",
    "Report",
    "ReportFailed",
    "ScanReports",
    "Shape",
    "SourceMissing",
    "SourceUnknown",
    "SourceUnreadable",
    "TargetExists",
    "UnfitRecord",
    "UsageError",
    "ValidatorFailed",
    "__version__",
    "checksum",
    "compare",
    "escape",
    "found",
    "lint",
    "load",
    "load_report",
    "open_store",
    "read_log",
    "rebuild",
    "records",
    "scan",
    "scan_net",
    "unescape",
]


def __getattr__(name: str) -> "Any":
    import importlib

    if name == "engines":
        return importlib.import_module("datacheck.engines")
    if name not in _HOMES:
        raise AttributeError(f"module 'datacheck' has no attribute {name!r}")
    return getattr(importlib.import_module(f"datacheck.{_HOMES[name]}"), name)


def __dir__() -> "list[str]":
    return __all__
