"""Convert findings to rows and to pandas tables. pandas is imported only here, and only if a table is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datacheck.errors import UsageError
from datacheck.model.finding import Finding

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame

COLUMNS = ("source", "file", "database", "key", "index", "field", "code", "verdict", "message", "details")
"""The columns of a table of findings."""


def rows(path: str, findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    """Yield the findings of the source at a path as rows; a value that a finding does not have is None."""
    for it in findings:
        place = (path, it.file, it.database, it.name)
        yield dict(zip(COLUMNS, (*place, it.index, it.field, it.code, it.verdict, it.message, it.details), strict=True))


def frame(found: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Return rows as a pandas table, which has its columns even without rows. Raises UsageError without pandas."""
    try:
        import pandas
    except ImportError as exc:
        raise UsageError("to_pandas() needs pandas: pip install pandas; to_dicts() works without it") from exc
    table = pandas.DataFrame(list(found), columns=list(COLUMNS))
    return table.astype({"index": "Int64"})
