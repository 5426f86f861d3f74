"""Detect keys that end with the NUL byte of a C string beside others that do not: no loader finds both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from datacheck.conventions.interface import Known
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.numbered_keys import Packed, Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace

NUL = b"\0"
NAMED = 10
PRINTABLE = 0x20
CHANCE = 20
"""At least one in this many records must have a key of one of the two forms."""


def end_findings(known: Known, account: Account) -> Iterator[Finding]:
    """Yield a finding for keys that end with a NUL if others, or the keys of counts, do not.

    If all keys end with a NUL, a loader may well ask for them like that. Keys in a list are asked for as the list has
    them.
    """
    if any(it.lists for it in known.conventions):
        return
    yield from (_mixed_finding(*it) for it in _pattern_pairs(account))
    for pattern in _patterns_with_nul(account):
        if _pattern_without_nul(pattern, account) is None and not _has_letters(pattern) and _is_counted(known, pattern):
            expected = replace(pattern, after=pattern.after[:-1])
            text = (
                f"every key but that of the count ends with a NUL byte, as in {pattern}: "
                f"a loader that asks for {expected}"
            )
            yield found("odd-text", f"{text} finds nothing", verdict="suspicious")


def ends_differ(account: Account) -> bool:
    """Return whether some keys end with a NUL, and others of otherwise the same pattern do not."""
    return next(_pattern_pairs(account), None) is not None


def _pattern_pairs(account: Account) -> Iterator[tuple[Pattern, Runs, Pattern, Runs]]:
    """Yield the patterns of keys that end with a NUL and those that are the same without it, each with its numbers.

    A few among many records may be binary numbers that look like this by chance.
    """
    for pattern in _patterns_with_nul(account):
        plain, numbers = _pattern_without_nul(pattern, account), account.numbers[pattern]
        if plain is None or _have_one_length(pattern, numbers, plain, account.numbers[plain]):
            continue
        if (len(numbers) + len(account.numbers[plain])) * CHANCE >= account.records - account.own:
            yield pattern, numbers, plain, account.numbers[plain]


def _patterns_with_nul(account: Account) -> list[Pattern]:
    """Return the patterns of printable keys that end with a NUL."""
    patterns = (it for it, numbers in account.numbers.items() if numbers and it.after.endswith(NUL))
    return sorted(it for it in patterns if min(it.before + it.after[:-1], default=PRINTABLE) >= PRINTABLE)


def _pattern_without_nul(pattern: Pattern, account: Account) -> Pattern | None:
    """Return the pattern of keys that are the same without the NUL at the end, or None if there are none."""
    patterns = (it for it, numbers in account.numbers.items() if numbers and not isinstance(it, Packed))
    return next((it for it in patterns if (it.before, it.after) == (pattern.before, pattern.after[:-1])), None)


def _have_one_length(pattern: Pattern, numbers: Runs, plain: Pattern, others: Runs) -> bool:
    """Return whether keys with and without a NUL have the same length, as binary numbers and padded texts have."""
    lengths = {max(pattern.width, len(str(it))) + 1 for it in (numbers.first, numbers.last)}
    return len(lengths) == 1 and {max(plain.width, len(str(it))) for it in (others.first, others.last)} == lengths


def _is_counted(known: Known, pattern: Pattern) -> bool:
    """Return whether the store counts records with such keys under a key that does not end with a NUL."""
    counts = (one for it in known.conventions if pattern in it.parts for one in it.counts)
    return any(it.of_list is None and not it.key.endswith(NUL) for it in counts)


def _has_letters(pattern: Pattern) -> bool:
    """Return whether there are letters in the keys: a NUL at the end of all of them is then odd by itself."""
    return any(it.isalpha() for it in escape(pattern.before))


def _mixed_finding(pattern: Pattern, numbers: Runs, plain: Pattern, others: Runs) -> Finding:
    rarer, few = (pattern, numbers) if len(numbers) <= len(others) else (plain, others)
    first = [escape(rarer.key(number)) for number in islice(few, NAMED)]
    keys = f"{len(numbers):,} key{' ends' if len(numbers) == 1 else 's end'}"
    text = (
        f"{keys} with a NUL byte, as in {pattern}, and {len(others):,} do not, as in {plain}: "
        f"a loader that asks for one form does not find the other, such as {first[0]}"
    )
    return found("odd-text", text, verdict="suspicious", count=len(few), first=first)
