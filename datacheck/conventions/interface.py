"""What a project keeps beside its records, as a value: counts, lists of keys, numbers without gaps, groups.

A convention is recognised by what lies in a store, checked by what the keys of a scan add up to, and made true again
by a rebuild.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from datacheck.conventions.numbered_keys import Pattern
from datacheck.conventions.stored_values import Stored

Value = Callable[[bytes], "bytes | None"]
"""Returns the value of a key of the store, None where there is no such key."""


@dataclass(frozen=True)
class StoreView:
    """What recognising a convention may look at: the patterns of the sampled keys and how often each came, values."""

    patterns: Mapping[Pattern, int]
    value: Value

    def pattern(self, before: bytes, after: bytes = b"") -> Pattern | None:
        """Return the pattern that most of the sampled keys of this form have, None where there are none."""
        return next((it for it in self.patterns if (it.before, it.after) == (before, after)), None)


@dataclass(frozen=True)
class Count:
    """A number of records that the store keeps under `key`.

    `said` is what lies there, None where nothing that could be read as any value does. `item` is the place of the
    number in a list of numbers that are written as decimal text, None where the value is the number.
    """

    key: bytes
    said: Stored | None
    raw: bytes = b""
    item: int | None = None


@dataclass(frozen=True)
class Convention:
    """One convention, as a store has it.

    `parts` are the patterns of the records of one sample; `base` is the number that its loader begins to count from,
    None where it does not count. Records with the keys in `own` are the convention's, and no samples. Under a `named`
    one what does not fit is wrong; what is only found by likeness may be meant.
    """

    name: str
    parts: tuple[Pattern, ...] = ()
    counts: tuple[Count, ...] = ()
    base: int | None = None
    own: frozenset[bytes] = frozenset()
    named: bool = True
