"""Tables of pandas, which is imported here alone, and only when somebody asks for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datacheck.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> DataFrame:
    """Return rows as a table, which has the columns even without a row. Raises UsageError without pandas."""
    try:
        import pandas
    except ImportError as exc:
        raise UsageError("to_pandas() needs pandas: pip install pandas; to_dicts() works without it") from exc
    made = pandas.DataFrame(list(rows), columns=list(columns))
    return made.astype({"index": "Int64"})
