"""Rows whose values cannot be at the place that the file gives for them."""

from __future__ import annotations

from typing import Any, NamedTuple

from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found


class Misplaced(NamedTuple):
    """Rows from `start` to `stop` whose values cannot be at the given place; `chunk` is their chunk, if known."""

    start: int
    stop: int
    chunk: tuple[int, ...] | None
    offset: int | None
    size: int | None
    why: str

    def finding(self, path: bytes, title: str) -> Finding:
        """Return the finding for these rows of a dataset."""
        escaped = escape(path)
        details: dict[str, Any] = {} if self.chunk is None else {"chunk": list(self.chunk)}
        if self.offset is not None:
            details |= {"offset": self.offset, "stored": self.size}
        where = escaped if self.chunk is None else f"the chunk at {list(self.chunk)} of {escaped}"
        if self.offset is not None:
            where += f" ({self.size} bytes at offset {self.offset})"
        return found("damaged-store", f"{where} {self.why}", field=title, dataset=escaped, **details)
