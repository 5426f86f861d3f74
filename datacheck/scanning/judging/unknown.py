"""Sort values by the decoders that know them; the findings for values that none knows.

What recognises other formats is imported where it is used, since most scans, and all scans of rows, never need it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from datacheck.decoders import JOINT, kind
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile
from datacheck.scanning.blame import blaming
from datacheck.scanning.judging.about import is_statistic
from datacheck.scanning.judging.odd_lengths import odd_lengths
from datacheck.scanning.profile.side_records import split_side_records


def foreign_format(value: bytes | memoryview, usual: str = "") -> str | None:
    """Return the name of the format of a value that no decoder reads, or None; see `known_format`."""
    from datacheck.decoders.foreign import known_format

    return known_format(value, usual)


def unknown_payload(value: bytes | memoryview) -> Finding:
    """Return the finding for a record that no decoder knows."""
    name, head = foreign_format(value), bytes(value[:8])
    payload = f"this payload, which begins with the bytes {head.hex(' ')}" if name is None else f"{name}, as this is"
    return found("unknown-payload", f"no decoder knows {payload}")


def by_kind(block: Block, rows: Sequence[int]) -> dict[str | None, list[int]]:
    """Return the rows by the name of the decoder that recognises their values, or None.

    Numbers about the whole store in bytes of their own are left out.
    """
    kinds: dict[str | None, list[int]] = defaultdict(list)
    for row in rows:
        with blaming("undecodable"):
            name = kind(block.values[row])
        if name is not None or not is_statistic(block.keys[row], block.values[row]):
            kinds[name].append(row)
    return kinds


def broken_wrappers(block: Block, rows: Sequence[int], kinds: Iterable[str]) -> dict[int, Finding]:
    """Return what is wrong with values that begin with a wrapper which others of their `kinds` are in, by row."""
    wrappers = sorted({it.partition(JOINT)[0] for it in kinds if JOINT in it})
    broken: dict[int, Finding] = {}
    if not wrappers:
        return broken
    from datacheck.decoders.wrappers.table import begins, peel

    for row in rows:
        value = bytes(block.values[row])
        name = next((it for it in wrappers if begins(it, value)), None)
        finding = None if name is None else peel((name,), value).finding
        if finding is not None and finding.verdict == "bad":
            broken[row] = finding
    return broken


def odd_unknowns(block: Block, rows: Sequence[int], family: FamilyProfile | None) -> list[tuple[int, Finding]]:
    """Return findings for those values at `rows` that are not of the format or the length of nearly all others.

    Records about the others, such as the dimension of vectors under packed numbers, have other lengths.
    """
    if family is not None and family.key_lengths:
        rows, _ = split_side_records(block.keys, rows, family.key_lengths)
    findings = odd_lengths(block, rows, family)
    if family is None or not family.form:
        return findings
    odd = {row for row, _ in findings}
    for row in rows:
        value = block.values[row]
        if row in odd or (name := foreign_format(value)) == family.form:
            continue
        other = f"it begins with the bytes {bytes(value[:8]).hex(' ')}" if name is None else f"it is {name}"
        message = f"not {family.form}, as nearly all others are: {other}"
        findings.append((row, found("undecodable", message, verdict="suspicious", found=name, expected=family.form)))
    return findings
