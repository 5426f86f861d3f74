"""Define `Finding`: one thing that is wrong with a record or a store."""

from __future__ import annotations

import errno
import re
from functools import cache
from typing import Any

import msgspec

from datacheck.errors import UsageError
from datacheck.model.codes import CODES, VERDICTS, Verdict
from datacheck.model.escaping import escape, plain
from datacheck.model.nearest import nearest


def nothing() -> None:
    """Return None. msgspec writes null for a None from a default factory, but omits a None that is a plain default."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong with one record, or with the store if `key` is None.

    `key` is escaped (see `escape`), `index` the position of the record in its source, `file` and `database` the part of
    the source that contains the record, or None if the source has no such parts. `details` holds JSON values only. Made
    with `found`; the block it comes from fills in the name.
    """

    key: str | None = msgspec.field(default_factory=nothing)
    index: int | None = msgspec.field(default_factory=nothing)
    field: str | None = msgspec.field(default_factory=nothing)
    code: str
    verdict: Verdict
    message: str
    details: dict[str, Any] = msgspec.field(default_factory=lambda: {})  # noqa: PIE807  (an empty one is written too)
    database: str | None = None
    file: str | None = None

    @property
    def name(self) -> str | None:
        """The key preceded by its file and database, in the form that `show` takes and people read and type."""
        return None if self.key is None else full_name(self.key, self.file, self.database)

    @property
    def record(self) -> tuple[Any, ...]:
        """What distinguishes its record from all others of a report; the findings of one record are adjacent there."""
        return self.file, self.database, self.key, self.index


UNKNOWN_TIMES = "unknown_times"
"""The detail with the number of times that are NaT."""


def errno_details(number: int | None) -> dict[str, str]:
    """Return `details` with the name of the system's error: they mark a failure of a disk, a network or the machine."""
    return {} if number is None else {"errno": errno.errorcode.get(number, str(number))}


def failed_to_read(finding: Finding) -> bool:
    """Check whether a finding is about data that a disk, a network or the machine failed to deliver.

    Such data was not judged. A finding about a store as a whole may have other reasons why a part was not read.
    """
    if finding.code != "unreadable" or finding.verdict != "unverifiable":
        return False
    return finding.key is None or "errno" in finding.details


def full_name(key: str, *parts: str | None) -> str:
    """Return a key preceded by its file and database, as far as they are given."""
    return "".join(f"{it}:" for it in parts if it) + key


def key_name(key: bytes, database: str | None) -> str:
    """Return the full name of the record with this key in a database."""
    return full_name(escape(key), database)


LARGEST = (1 << 63) - 1
HUGE = 10**300
"""Bounds of numbers in `details`: a whole number that a file declares may exceed 64 bits (LARGEST), or even a float
(HUGE)."""


def found(
    code: str, message: str, *, field: str | None = None, verdict: Verdict | None = None, **details: Any
) -> Finding:
    """Return a finding that has no name yet; its verdict is that of its code unless another is given.

    A validator of your own may have codes of its own, in small letters with dashes; it must then give the verdict too.
    Raises UsageError for a code without a verdict, and for an invalid code or verdict.

    >>> found("dark", "mean 3.1", verdict="suspicious").code
    'dark'
    """
    return Finding(
        field=None if field is None else plain(field),
        code=code,
        verdict=_verdict_of(code, verdict),
        message=plain(message),
        details=details if all(map(_fits, details.values())) else {it: _json_number(at) for it, at in details.items()},
    )


def _fits(value: Any) -> bool:
    return type(value) is not int or -LARGEST <= value <= LARGEST


def _json_number(value: Any) -> Any:
    """Return a detail unchanged, or an integer of more than 64 bits as a float of about that size."""
    return value if _fits(value) else float(min(max(value, -HUGE), HUGE))


@cache
def _verdict_of(code: str, verdict: Verdict | None) -> Verdict:
    """Return the verdict of a finding with this code. Raises UsageError if there is none."""
    if verdict is not None and verdict not in VERDICTS:
        raise UsageError(f"no verdict is called {verdict!r}; it is one of {', '.join(VERDICTS)}")
    if code in CODES:
        return CODES[code][0] if verdict is None else verdict
    if not is_code(code):
        raise UsageError(f"{code!r} is not a code: lower-case letters, digits and single dashes, as in too-dark")
    if verdict is None:
        close = nearest(code, CODES)
        hint = "" if close is None else f"; did you mean {close!r}?"
        raise UsageError(f'{code!r} is a code of your own: give its verdict, as in verdict="suspicious"{hint}')
    return verdict


def is_code(text: str) -> bool:
    """Check whether a text is spelled as a code: lower-case letters, digits and single dashes."""
    return re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text) is not None
