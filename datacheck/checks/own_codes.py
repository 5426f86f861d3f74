"""Find the codes that the own validators of a caller declare, without NumPy, which the process of a command lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator


def codes_of(validator: Validator) -> Iterator[str]:
    """Yield the codes that a validator declares."""
    declared: object = getattr(validator, "codes", ())
    if isinstance(declared, str):
        yield declared
    elif isinstance(declared, Iterable):
        yield from (it for it in declared if isinstance(it, str))
