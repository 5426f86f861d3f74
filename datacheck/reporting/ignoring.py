"""Select the findings that do not count: those whose code, or code and family, the caller named."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from datacheck.model.finding import Finding


def ignoring(rules: Sequence[str]) -> Callable[[Finding], bool]:
    """Return a predicate for the findings that one of the rules, CODE or CODE:FAMILY, names.

    The family of a key is the key with `#` for each run of digits, after the database's name and a colon if it has one.
    The family of a row is the name of its table, or of its column in it: `/table/column`.
    """
    codes = frozenset(rule for rule in rules if ":" not in rule)
    parts: dict[str, list[re.Pattern[str]]] = {}
    for rule in rules:
        code, colon, family = rule.partition(":")
        if colon:
            parts.setdefault(code, []).append(pattern_of(family))

    def ignores(finding: Finding) -> bool:
        if finding.code in codes:
            return True
        patterns = parts.get(finding.code)
        return patterns is not None and any(it.fullmatch(name) for it in patterns for name in _families(finding))

    return ignores


def of_family(family: str) -> Callable[[Finding], bool]:
    """Return a predicate for the findings of a family, by their key, or by their details if they have no key."""
    pattern = pattern_of(family)
    return lambda finding: any(map(pattern.fullmatch, _families(finding)))


def pattern_of(family: str) -> re.Pattern[str]:
    """Return a pattern for the names of a family and of its records.

    >>> [bool(pattern_of("image-#").fullmatch(name)) for name in ("image-#", "image-007", "image-x")]
    [True, True, False]
    """
    return re.compile("(?:[0-9]+|#)".join(map(re.escape, family.split("#"))))


_ROW = re.compile(r"(.*)\[[0-9]+\]")


def _families(finding: Finding) -> list[str]:
    """Return the names by which a rule may call a finding's family; none if it is about the store and has no family."""
    if finding.key is None:
        family = finding.details.get("family")
        return [family] if isinstance(family, str) else []
    row = _ROW.fullmatch(finding.key)
    names = [finding.key, *([row[1]] if row else [])]
    if row and finding.field:
        names.append(f"{row[1].rstrip('/')}/{finding.field}")
    if finding.database:
        names = [f"{finding.database}:{name}" for name in names]
    return names
