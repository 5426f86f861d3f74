"""Findings as rows, and as tables of pandas, which is imported here alone, and only when somebody asks for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datacheck.errors import UsageError
from datacheck.model.finding import Finding

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame

COLUMNS = ("source", "file", "database", "key", "index", "field", "code", "verdict", "message", "details")
"""What a finding is as a row of a table."""


def rows(path: str, findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    """Yield the findings of the source at a path as rows; what a finding has no value for is None."""
    for it in findings:
        whose = (path, it.file, it.database, it.name)
        yield dict(zip(COLUMNS, (*whose, it.index, it.field, it.code, it.verdict, it.message, it.details), strict=True))


def frame(found: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Return rows as a table, which has the columns even without a row. Raises UsageError without pandas."""
    try:
        import pandas
    except ImportError as exc:
        raise UsageError("to_pandas() needs pandas: pip install pandas; to_dicts() works without it") from exc
    made = pandas.DataFrame(list(found), columns=list(COLUMNS))
    return made.astype({"index": "Int64"})
