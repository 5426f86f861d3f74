"""Find the fields in which NaN may mean "missing": a large share of their values, in nearly all tables, is NaN."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

LOOKED_AT = 10_000
"""Maximum number of findings that are examined."""
LARGE, NEARLY_ALL = 0.1, 0.9
"""Minimum share of the values that are NaN, and minimum share of the tables in which some are."""
_TABLE = re.compile(r"(.*)\[[0-9]+\]")


def often_missing(report: Report) -> Iterator[tuple[str, float]]:
    """Yield the fields of an HDF5 source in which NaN is frequent nearly everywhere, with the share of NaN.

    If there are more findings than LOOKED_AT, the shares are too low.
    """
    if report.source.backend != "hdf5" or not report.counts.get("nan"):
        return
    values: Counter[str] = Counter()
    tables: defaultdict[str, set[str]] = defaultdict(set)
    last = ""
    for finding in islice(report.findings, LOOKED_AT):
        table = _TABLE.fullmatch(finding.key or "")
        last = table[1] if table else last
        if finding.code == "nan" and finding.field is not None and table is not None:
            values[finding.field] += int(finding.details.get("count", 1))
            tables[finding.field].add(table[1])
    cut = len(report.findings) > LOOKED_AT
    for field, count in values.items():
        measured = report.tally.statistics.get(field)
        share = count / max(1, count + (0 if measured is None else measured.count))
        holding = [name for name, family in report.profile.families.items() if field in family.fields]
        reached = [name for name in holding if not cut or name <= last]
        if share >= LARGE and len(tables[field].intersection(reached)) >= NEARLY_ALL * max(1, len(reached)):
            yield field, share
