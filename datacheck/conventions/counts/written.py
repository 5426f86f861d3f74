"""Write the new numbers of counts; one record may hold several of them, and lists of keys as well."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from datacheck.conventions.interface import Count
from datacheck.conventions.values.stored_lists import stored_list
from datacheck.conventions.values.stored_values import FORMS, Stored


def written_into(count: Count, value: bytes, number: int) -> bytes:
    """Return the new value of a count's record, of which `value` may already have other changes."""
    if count.said is None or count.item is None or value == count.raw:
        return count.written(number)
    form = count.said.form
    said = stored_list(value) if count.said.in_part else Stored(FORMS[form].read(value), form)
    return msgspec.structs.replace(count, said=said, raw=value).written(number)


def written_together(counts: Sequence[tuple[Count, int]]) -> bytes:
    """Return the value of a record with new numbers of one or several counts that it holds."""
    value = counts[0][0].raw
    for count, number in counts:
        value = written_into(count, value, number)
    return value
