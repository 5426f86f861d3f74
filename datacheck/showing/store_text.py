"""Render what is in a store as text."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.backends import title
from datacheck.decoders.raw import array_text
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.listing import and_more, counted
from datacheck.model.profile import EMPTY, UNKNOWN, FamilyProfile, FieldProfile
from datacheck.reporting.advice import fitting_arrays
from datacheck.reporting.summary import PLAIN, amount
from datacheck.showing.contents import Part
from datacheck.showing.store import Info, Kept

FIELDS = 60
"""Maximum number of fields of a family that are listed."""
MET = 5
"""Maximum number of findings that are listed of what prevented a complete look."""
CLASSES = 8
WITHOUT_VALUES = frozenset({"text", "bytes", "other"})


def info_text(info: Info) -> str:
    """Return a store as lines: what it is, what it keeps, its families with their fields, and its first keys."""
    lines = [_headline(info)]
    if info.settings.config is not None:
        lines.append(info.settings.config.sentence)
    if info.sampled.records:
        places = counted(info.sampled.places, "place")
        spread = ", evenly spread" if info.sampled.places > 1 else ""
        lines.append(f"  from a sample of {counted(info.sampled.records, 'record')} at {places}{spread}")
    lines += map(_convention_line, info.conventions)
    for name, family in info.profile.families.items():
        lines += _family_lines(plain(name) if name else "(empty key)", family, info.labels.get(name, []))
    if info.profile.rest is not None and info.profile.rest.sampled:
        lines += _family_lines("all other keys" if info.profile.families else "all keys", info.profile.rest, [])
    lines += map(_part_line, info.parts)
    if info.more_parts:
        lines.append(f"  and {counted(info.more_parts, 'more database or table', 'more databases or tables')}")
    lines += _met_lines(info.met)
    return "\n".join(lines)


def _headline(info: Info) -> str:
    source = info.source
    size = "" if source.bytes is None else f", {amount(source.bytes)}"
    records = (
        "number of records unknown until they are read" if source.records is None else counted(source.records, "record")
    )
    return f"{plain(source.path)}: {title(source.backend)}, {records}{size}"


def _convention_line(kept: Kept) -> str:
    clauses = [f"{key} says {'no number' if count is None else f'{count:,}'}" for key, count in kept.counts.items()]
    clauses += [f"{key} lists {counted(count, 'key')}" for key, count in kept.lists.items()]
    return f"  convention {kept.name}{': ' if clauses else ''}{', '.join(clauses)}"


def _family_lines(name: str, family: FamilyProfile, labels: list[str]) -> Iterator[str]:
    """Yield the lines of a family: what its records are, and each of their fields."""
    decoder_name = "unknown payloads" if family.decoder == UNKNOWN else family.decoder
    clauses = [f"{name}: {decoder_name}", counted(family.sampled, "sampled record")]
    if family.label:
        clauses.append("labels")
    yield f"  {', '.join(clauses)}"
    others = {kind: count for kind, count in family.kinds.items() if kind != family.decoder}
    for kind, count in others.items():
        yield f"    {count:,} of them {'has' if count == 1 else 'have'} {_kind_text(kind)}"
    if family.length is not None:
        share = f"{100 * family.length.share:.0f} %"
        arrays = " or ".join(array_text(it) for it in fitting_arrays(family))
        hint = f"; if they are arrays, --array {arrays}" if arrays else ""
        yield f"    {share} of them have {counted(family.length.size, 'byte')}{hint}"
    if family.array is not None:
        yield f"    arrays of {array_text(family.array)}"
    for line in [*_field_lines(family, labels)][:FIELDS]:
        yield f"    {line}"
    count = len(family.fields) + len(family.columns)
    if count > FIELDS:
        yield f"    and {counted(count - FIELDS, 'more field')}"
    if family.classes:
        classes = and_more(family.classes[:CLASSES], len(family.classes))
        yield f"    classes named, none of them loaded: {plain(classes)}"


def _kind_text(kind: str) -> str:
    return {EMPTY: "no bytes", UNKNOWN: "a payload that no decoder knows"}.get(kind, f"the payload {kind}")


def _field_lines(family: FamilyProfile, labels: list[str]) -> Iterator[str]:
    for name, field in family.fields.items():
        yield f"{plain(name)}: {_field_text(field)}{', a label' if name in labels else ''}"
    for name, column in family.columns.items():
        cell_lines = [
            f"{plain(name)}{'' if it == 'data' else f'/{plain(it)}'}: {_field_text(cell_field)}"
            for it, cell_field in column.fields.items()
        ]
        label = ", a label" if name in labels else ""
        yield from (f"{it}{label}" for it in cell_lines or [f"{plain(name)}: {_column_text(column.decoder)}"])


def _column_text(decoder: str) -> str:
    return "unknown payloads" if decoder == UNKNOWN else "ragged numbers" if decoder == "rows" else decoder


def _field_text(field: FieldProfile) -> str:
    share = "" if field.share >= 1 else f", in {100 * field.share:.0f} % of the records"
    if field.format in WITHOUT_VALUES:
        return f"{field.format}{share}"
    if field.shape == ():
        return f"{'text' if field.dtype.startswith('|S') else f'number {field.dtype}'}{share}"
    form = "" if field.format in PLAIN else field.format
    shape = "of several shapes" if field.shape is None else "x".join(map(str, field.shape))
    channels = f"{field.channels} channels" if field.channels is not None and field.shape is None else ""
    what = " ".join(it for it in (form, shape, field.dtype) if it)
    return f"{what}{', ' if channels else ''}{channels}{share}"


def _part_line(part: Part) -> str:
    records = "" if part.records is None else f" {counted(part.records, 'record')},"
    part_name = " ".join(it for it in (part.file, part.name) if it)
    keys = ", ".join(part.first_keys)
    more = ", ..." if part.records is None or part.records > len(part.first_keys) else ""
    keys_clause = f"first keys: {keys}{more}" if part.first_keys else "no key could be read"
    reason = f" ({plain(part.unread)})" if part.unread else ""
    return f"  {f'{plain(part_name)}:{records} ' if part_name else ''}{keys_clause}{reason}"


def _met_lines(findings: list[Finding]) -> Iterator[str]:
    """Yield what prevented a complete look at the store."""
    for it in findings[:MET]:
        name_prefix = "" if it.name is None else f"{it.name}: "
        yield f"  not all could be looked at: {it.code}: {name_prefix}{it.message}"
    if len(findings) > MET:
        yield f"  and {len(findings) - MET:,} more; a scan names them"
