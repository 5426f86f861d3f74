"""What is wrong with a record or a store."""

from __future__ import annotations

import errno
from typing import Any

import msgspec

from datacheck.model.codes import CODES, Verdict
from datacheck.model.escaping import plain


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one record, or with the store where `key` is None.

    `key` is escaped (see `escape`), `index` the position of the record in its source,
    `details` holds JSON values only. Made with `found`, named by the block it comes from.
    """

    key: str | None = None
    index: int | None = None
    field: str | None = None
    code: str
    verdict: Verdict
    message: str
    details: dict[str, Any] = {}
    database: str | msgspec.UnsetType = msgspec.UNSET
    file: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def name(self) -> str | None:
        """The key with its file and database before it, as `show` takes it: what people read and type."""
        return None if self.key is None else named(self.key, self.file, self.database)

    @property
    def record(self) -> tuple[Any, ...]:
        """What tells its record from all others of a report; the findings of one record are neighbours there."""
        return self.file, self.database, self.key, self.index


def errno_details(number: int | None) -> dict[str, str]:
    """Return the `details` that tell that a disk, a network or the machine failed: the name of the system's error."""
    return {} if number is None else {"errno": errno.errorcode.get(number, str(number))}


def failed_to_read(finding: Finding) -> bool:
    """Say whether a finding is of what a disk, a network or the machine failed to give, so that nobody has judged it.

    Of a store as a whole there may be other reasons too why a part of it was not read.
    """
    if finding.code != "unreadable" or finding.verdict != "unverifiable":
        return False
    return finding.key is None or "errno" in finding.details


def named(key: str, *whose: str | msgspec.UnsetType | None) -> str:
    """Return a key with the file and the database before it, where there are such."""
    return "".join(f"{it}:" for it in whose if it) + key


def found(
    code: str, message: str, *, field: str | None = None, verdict: Verdict | None = None, **details: Any
) -> Finding:
    """Return a finding that has no name yet; its verdict is that of its code unless said otherwise."""
    return Finding(
        field=None if field is None else plain(field),
        code=code,
        verdict=CODES[code][0] if verdict is None else verdict,
        message=plain(message),
        details=details,
    )
