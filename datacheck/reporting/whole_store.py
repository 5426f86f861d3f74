"""Findings that only all records together show: axes in the wrong order, missing classes, one value everywhere."""

from __future__ import annotations

from datacheck.checks.class_balance import (
    LARGEST_BATCH,
    Classes,
    LabelOrder,
    balance,
    disorder,
    missing_classes,
)
from datacheck.checks.whole_store import beyond_half, misplaced_axes, odd_keys
from datacheck.conventions.terminated import ends_differ
from datacheck.decoders import SIDE_DECODERS
from datacheck.model.finding import Finding
from datacheck.reporting.report import Report
from datacheck.reporting.source import utc_now


def begin(report: Report) -> None:
    """Prepare a report for the tallies, and for the labels in them if batches are to be counted."""
    report.started = utc_now()
    size = report.settings.batch_size
    if size is not None and size <= LARGEST_BATCH and report.settings.sample is None:
        report.order = LabelOrder(size, _classes(report))


def conclude(report: Report) -> list[Finding]:
    """Return the findings about the store as a whole, once all tallies are added; set the balance if asked.

    Which labels never occur, and in which order records come, is only known after a complete scan of all records.
    """
    settings, whole = report.settings, report.tally.whole
    labels = [it for it in sorted(report.tally.statistics.items()) if it[1].label and it[1].counts]
    known = _classes(report)
    order: list[Finding] = []
    if settings.batch_size is not None and labels:
        name, statistics = labels[0]
        counts = statistics.counts or {}
        report.balance = balance(name, counts, settings.batch_size, known, report.order)
        order = list(disorder(report.balance, counts))
    checks_shapes = "shape" in settings.checks or report.layer is not None  # a layer's own check replaces it
    findings = list(misplaced_axes(report.profile, settings.shape)) if checks_shapes else []
    differ = any(map(ends_differ, report.tally.keys.values()))
    if settings.judges_by("half-overflow", "HalfOverflow"):
        findings += beyond_half(report.profile, SIDE_DECODERS)
    findings += [*whole.constant_fields(), *whole.trailing_data(), *odd_keys(report.profile, differ=differ)]
    if report.layer is None and report.checked > report.bad:
        findings += whole.missing_labels(report.profile, settings)
    if not report.complete or settings.sample is not None:
        return findings
    each = max(1, report.checked)
    missing = [
        it
        for name, summary in labels
        for it in missing_classes(name, summary.counts or {}, known, summary.count / each)
    ]
    return [*findings, *missing, *(order or whole.sorted_parts())]


def _classes(report: Report) -> Classes:
    bounds = report.settings.labels
    low, high = (None, None) if bounds is None else (bounds.low, bounds.high)
    ignored = None if report.layer is None else report.layer.ignore_label
    return Classes(None if low is None else int(low), None if high is None else int(high), ignored)
