"""Find the fields in which NaN may mean "missing": a large share of their values, in nearly all tables, is NaN."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.model.profile import FamilyProfile
    from datacheck.reporting.report import Report

LOOKED_AT = 10_000
"""Maximum number of findings that are examined."""
LARGE, NEARLY_ALL = 0.1, 0.9
"""Minimum share of the values that are NaN, and minimum share of the tables in which some are."""
FEW, FEWEST = 16, 64
"""Maximum number of tables with a field that are named one by one, and minimum number of rows with NaN in each."""
_TABLE = re.compile(r"(.*)\[([0-9]+)\]")


def often_missing(report: Report) -> Iterator[tuple[str, float]]:
    """Yield the fields of an HDF5 source in which NaN is frequent nearly everywhere, with the share of NaN.

    A field of which only some tables have many NaN, as labels/train beside data/train, is yielded by its path in these.
    If there are more findings than LOOKED_AT, the shares are too low.
    """
    if report.source.backend != "hdf5" or not report.counts.get("nan"):
        return
    values: defaultdict[str, Counter[str]] = defaultdict(Counter)
    rows: Counter[tuple[str, str]] = Counter()
    furthest: dict[tuple[str, str], int] = {}
    last = ""
    for finding in islice(report.findings, LOOKED_AT):
        table = _TABLE.fullmatch(finding.key or "")
        last = table[1] if table else last
        if finding.code == "nan" and finding.field is not None and table is not None:
            values[finding.field][table[1]] += int(finding.details.get("count", 1))
            rows[finding.field, table[1]] += 1
            furthest[finding.field, table[1]] = int(table[2])
    cut = len(report.findings) > LOOKED_AT
    for field, of_tables in values.items():
        measured = report.tally.statistics.get(field)
        count = of_tables.total()
        share = count / max(1, count + (0 if measured is None else measured.count))
        holding = [name for name, family in report.profile.families.items() if field in family.fields]
        reached = [name for name in holding if not cut or name <= last]
        if share >= LARGE and len(of_tables.keys() & reached) >= NEARLY_ALL * max(1, len(reached)):
            yield field, share
        elif len(holding) <= FEW:
            for table_name in sorted(of_tables.keys() & holding):
                many = rows[field, table_name] >= FEWEST
                shape = report.profile.families[table_name].fields[field].shape
                total = (furthest[field, table_name] + 1) * math.prod(shape or (1,))
                if many and of_tables[table_name] >= LARGE * total:
                    path = _path_of(table_name, field, report.profile.families[table_name])
                    yield path, of_tables[table_name] / total


def _path_of(table: str, field: str, family: FamilyProfile) -> str:
    """Return the path of a field as an option names it; a table is named after its group or one of its datasets."""
    group, _, name = table.rpartition("/")
    return f"{group if name in family.fields else table.rstrip('/')}/{field}".removeprefix("/")
