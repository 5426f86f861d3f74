"""Keys that end with the NUL byte of a C string, beside others that do not: no loader finds both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import itemgetter

from datacheck.conventions.account import Account
from datacheck.conventions.interface import Known
from datacheck.conventions.numbered_keys import Pattern
from datacheck.conventions.runs import Runs
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace

NUL = b"\0"
NAMED = 10


def odd_ends(known: Known, account: Account) -> Iterator[Finding]:
    """Yield a finding for keys that end with a NUL where others, or the keys of counts, do not.

    If all keys have it, a loader may well ask for them so; and what a list names is asked for as it is there.
    """
    if any(it.lists for it in known.conventions):
        return
    yield from (_mixed(*it) for it in _both(account))
    for pattern in sorted(it for it, numbers in account.numbers.items() if numbers and it.after.endswith(NUL)):
        if _without(pattern, account) is None and not _has_letters(pattern) and _counted(known, pattern):
            meant = replace(pattern, after=pattern.after[:-1])
            text = (
                f"every key but that of the count ends with a NUL byte, as in {pattern}: a loader that asks for {meant}"
            )
            yield found("odd-text", f"{text} finds nothing", verdict="suspicious")


def ends_differ(account: Account) -> bool:
    """Say whether some keys end with a NUL, and others that are the same but for it do not."""
    return next(_both(account), None) is not None


def _both(account: Account) -> Iterator[tuple[Pattern, Runs, Pattern, Runs]]:
    """Yield the patterns of keys that end with a NUL, with those that are the same without it, and the numbers."""
    for pattern, numbers in sorted(account.numbers.items(), key=itemgetter(0)):
        plain = _without(pattern, account) if numbers else None
        if plain is not None and not _are_padded(numbers, account.numbers[plain], pattern.width):
            yield pattern, numbers, plain, account.numbers[plain]


def _without(pattern: Pattern, account: Account) -> Pattern | None:
    """Return the pattern of keys that are the same but for the NUL at the end; None where there are none."""
    if not pattern.after.endswith(NUL):
        return None
    after = pattern.after[:-1]
    its = (it for it in account.numbers if (it.before, it.after) == (pattern.before, after))
    return next((it for it in sorted(its) if account.numbers[it] and not after.endswith(NUL)), None)


def _are_padded(numbers: Runs, others: Runs, width: int) -> bool:
    """Say whether each number that a NUL follows has one digit less than any other one: all keys are of one length."""
    most, least = len(str(numbers.last)), len(str(others.first))
    return width == 1 and len(str(numbers.first)) == most and len(str(others.last)) == least == most + 1


def _counted(known: Known, pattern: Pattern) -> bool:
    """Say whether the store counts records with such keys under a key that does not end with a NUL."""
    counts = (one for it in known.conventions if pattern in it.parts for one in it.counts)
    return any(it.of_list is None and not it.key.endswith(NUL) for it in counts)


def _has_letters(pattern: Pattern) -> bool:
    """Say whether there are letters in the keys: then a NUL behind all of them is odd by itself."""
    return any(it.isalpha() for it in escape(pattern.before))


def _mixed(pattern: Pattern, numbers: Runs, plain: Pattern, others: Runs) -> Finding:
    its, few = (pattern, numbers) if len(numbers) <= len(others) else (plain, others)
    first = [escape(its.key(number)) for number in islice(few, NAMED)]
    keys = f"{len(numbers):,} key{' ends' if len(numbers) == 1 else 's end'}"
    text = (
        f"{keys} with a NUL byte, as in {pattern}, and {len(others):,} do not, as in {plain}: "
        f"a loader that asks for one form does not find the other, such as {first[0]}"
    )
    return found("odd-text", text, verdict="suspicious", count=len(few), first=first)
