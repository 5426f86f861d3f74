"""Describe what one record holds: a line for each field, or one field in full. Runs in a worker."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.errors import EyesFailed
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block, RowBlock, Shard
from datacheck.model.finding import Finding
from datacheck.model.forced import UNFORCED, Forced
from datacheck.model.listing import counted
from datacheck.model.profile import UNKNOWN, FamilyProfile, Profile
from datacheck.model.replacing import replace
from datacheck.model.settings import Eyes
from datacheck.reporting.ignoring import ignoring
from datacheck.reporting.summary import amount
from datacheck.scanning.blame import blamed
from datacheck.scanning.tasks import Check, Job
from datacheck.statistics.exact_sums import FieldStatistics, FieldSummary
from datacheck.workers.interface import Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.showing.field_values import FieldValues
    from datacheck.showing.fields import Part

WITHOUT_VALUES = frozenset({"text", "bytes", "other"})
"""The kinds of parts of trees that have no numbers in them."""
SHOWN = 200
"""Maximum number of fields of a record that are shown; the rest are counted."""
NAMED = 1 << 13
"""Maximum number of field names that the worker returns."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted besides a line for each field: one field in full, data to save, a small picture, values.

    `picture` is the maximum width and height of the picture, in pixels. `values` asks for the fields as a program reads
    them.
    """

    field: str | None = None
    saving: bool = False
    picture: tuple[int, int] | None = None
    values: bool = False


@dataclass(frozen=True)
class RecordContent:
    """The content of one record: the kind of its payload, its size in bytes (None for rows), its fields, and findings.

    `lines` are the lines of its fields, or of the wanted one. `named` is the name of the wanted field, or None if there
    is no such field; `names` are the names of all fields. `raw` and `array` are what `--save` writes: bytes as they are
    stored, such as those of a picture, and the values of an array. `picture` is a small one of (height, width,
    channels) uint8. `damage` says where the damage of a JPEG begins. `decoder` is the name of the decoder, if one knows
    the payload. `fields` are the values of the fields, if they are wanted, and `more` is the number of those left out.
    """

    kind: str
    size: int | None
    lines: tuple[str, ...]
    findings: tuple[Finding, ...]
    raw: bytes | None = None
    array: NDArray[Any] | None = None
    names: tuple[str, ...] = ()
    named: str | None = None
    picture: NDArray[Any] | None = None
    damage: str | None = None
    decoder: str | None = None
    fields: tuple[FieldValues, ...] = ()
    more: int = 0


@dataclass(frozen=True)
class ReadRecord:
    """A task that returns what the record of a shard holds, or None if there is no record there."""

    shard: Shard
    profile: Profile
    wanted: Wanted
    eyes: Eyes | None = None

    def run(self, job: Job, watch: Watch) -> RecordContent | None:
        ignores = ignoring(job.settings.ignore)
        tally = Check(self.shard, self.profile, careful=True, last=1, eyes=self.eyes).run(job, watch)
        findings = tuple(it for it in tally.findings if not ignores(it))
        for block in blamed("unreadable", job.reader.blocks, self.shard, limit=1):
            if len(block):
                try:
                    fields = _fields(block, self.profile, Forced.by(job.settings))
                except Exception:
                    if not findings:
                        raise
                    # the findings say why
                    return RecordContent("a record that could not be decoded", None, (), findings)
                if isinstance(block, Block) and fields.kind is None and tally.unknown and fields.size:
                    # a scan says this once for all such records
                    findings = (*findings, _unknown_finding(block.values[0]))
                elif isinstance(block, RowBlock) and tally.unknown:
                    findings = (*findings, *_unknown_cell_findings(block, tally.unknown))
                findings = tuple(it for it in findings if not ignores(it))
                content = _content(fields, findings, self.wanted)
                picture = _picture(fields, content.named, self.wanted.picture)
                values, more = fields.values(content.named) if self.wanted.values else ((), 0)
                damage = _damage(fields, findings, job)
                return replace(content, picture=picture, damage=damage, decoder=fields.kind, fields=values, more=more)
        return None


def _damage(fields: Fields, findings: Sequence[Finding], job: Job) -> str | None:
    """Return a sentence on where the damage of a JPEG begins, or None if that cannot be found out."""
    from datacheck.decoders.pictures import eyes
    from datacheck.decoders.pictures.picture import sniff

    corrupt = next((it for it in findings if it.code == "corrupt-image" and it.verdict == "bad"), None)
    if corrupt is None or "row" in corrupt.details or not eyes.installed():
        return None
    try:
        eyes.prepare("walker", job.reader.path)
    except EyesFailed:
        return None
    for part in fields.parts:
        if part.raw is not None and part.name == (corrupt.field or part.name) and sniff(part.raw) == "JPEG":
            with eyes.using("walker"):
                damage = eyes.damage_of(bytes(part.raw))
            if damage is not None:
                return f"the damage shows from MCU row {damage.row} of {damage.rows} on{damage.until}"
    return None


@dataclass
class Fields:
    """The fields of a record: the `batches` of those that are arrays, and the `parts` that are not.

    `kind` is None if no decoder knows the payload.
    """

    kind: str | None
    size: int | None
    batches: list[Batch] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def take(self, items: Iterable[Batch | tuple[int, Finding]]) -> bool:
        """Take in what a decoder made of the record; return whether that contains any array."""
        batches = [it for it in items if isinstance(it, Batch) and len(it.rows) and it.values.dtype.kind != "S"]
        self.batches += batches
        return bool(batches)

    def entries(self) -> Iterator[Batch | Part]:
        """Yield each field: its array, or the part that is none."""
        parts_by_name: dict[str, list[Part]] = {}
        for part in self.parts:
            parts_by_name.setdefault(part.name, []).append(part)
        for batch in self.batches:
            parts = parts_by_name.get(batch.field)
            if parts and not batch.width:
                yield parts.pop(0)
            else:
                yield batch
                parts_by_name.pop(batch.field, None)  # the part is the same field, as it is stored
        for parts in parts_by_name.values():
            yield from parts

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each field, and the line that describes it."""
        for it in self.entries():
            if isinstance(it, Batch):
                yield it.field, _describe_array(it)
            else:
                yield it.name, f"{it.name}: {it.brief}"

    def values(self, name: str | None) -> tuple[tuple[FieldValues, ...], int]:
        """Return what the fields hold, or what the one with this name holds in full, and how many more there are."""
        from datacheck.showing.field_values import values_of

        if self.kind is None and name is None:
            return (), 0
        chosen = [it for it in self.entries() if name in (None, it.field if isinstance(it, Batch) else it.name)]
        return tuple(values_of(it, full=name is not None) for it in chosen[:SHOWN]), max(0, len(chosen) - SHOWN)


def _content(fields: Fields, findings: tuple[Finding, ...], wanted: Wanted) -> RecordContent:
    """Return the lines of all fields, or of the wanted one."""
    from datacheck.showing.fields import find_field, full_field

    kind = fields.kind
    if kind is None:
        kind = "a payload that no decoder knows" if fields.size else "an empty value"
    if wanted.field is None:
        raw = array = None
        if wanted.saving:
            prefix = "" if fields.kind is None else "as stored: "
            raw = next((bytes(it.raw) for it in fields.parts if it.raw is not None and it.what == prefix), None)
            main = _main_array([it for it in fields.batches if not it.label and it.width])
            array = None if main is None else main.values[0].copy()
        lines = [] if fields.kind is None else [line for _, line in fields.lines()]
        more = len(lines) - SHOWN
        shown = (*lines[:SHOWN], f"and {counted(more, 'more field')}") if more > 0 else tuple(lines)
        return RecordContent(kind, fields.size, tuple(f"  {it}" for it in shown), findings, raw, array)
    line_by_name: dict[str, str] = {}
    for name, line in fields.lines():
        line_by_name.setdefault(name, line)
    names = tuple(line_by_name)[:NAMED]
    field_name = find_field(wanted.field, names, {it.path: it.field for it in fields.batches if it.path})
    if field_name is None:
        return RecordContent(kind, fields.size, (), findings, names=names)
    full = full_field(field_name, fields.batches, fields.parts, _describe_array, saving=wanted.saving)
    return RecordContent(kind, fields.size, full.lines, findings, full.raw, full.array, names, field_name)


def _main_array(arrays: list[Batch]) -> Batch | None:
    """Return the array to save: the first that has the shape of a picture, or else the first."""
    from datacheck.showing.pixels import likely_shape

    return next((it for it in arrays if likely_shape(it.shape)), arrays[0] if arrays else None)


def _picture(fields: Fields, field_name: str | None, size: tuple[int, int] | None) -> NDArray[Any] | None:
    """Return the picture in a record or its wanted field, in a size that a terminal can show, or None."""
    from datacheck.showing.pixels import as_pixels, is_picture, smaller

    if size is None:
        return None
    for batch in fields.batches:
        if field_name in (None, batch.field) and not batch.label and batch.width and is_picture(batch.values[0]):
            pixels = as_pixels(batch.values[0])
            return None if pixels is None else smaller(pixels, *size)
    return None


def _unknown_finding(value: bytes | memoryview) -> Finding:
    from datacheck.scanning.judging.unknown import unknown_payload

    return unknown_payload(bytes(value[:8]))


def _unknown_cell_findings(block: RowBlock, unknown: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each cell of a row in a column (by path) whose payload no decoder knows."""
    from datacheck.decoders.cells import payloads

    for name, cells in block.cells.items():
        if f"{block.group}/{name}" in unknown:
            yield msgspec.structs.replace(_unknown_finding(payloads(cells.take([0]))[0]), field=name)


def _fields(block: Any, profile: Profile, forced: Forced = UNFORCED) -> Fields:
    """Return the fields of the one record of a block."""
    from datacheck.decoders import SIDE_DECODERS, decoder
    from datacheck.showing.fields import parts_in

    if not isinstance(block, Block):
        return _row_fields(block, profile)
    value = block.values[0]
    name, family = payload_of(block, profile, forced)
    if name is None or name == UNKNOWN:
        return Fields(None, len(value or b""), parts=parts_in(UNKNOWN, value) if value else [])
    fields = Fields(name, len(value))
    decoded = fields.take(blamed("undecodable", decoder(name).decode, block, [0], family))
    if len(value) and not (name in SIDE_DECODERS and decoded):
        fields.parts = blamed_parts(name, value)
        if name in SIDE_DECODERS and family is not None and family.label:
            fields.parts = [replace(it, name="label") for it in fields.parts]
    return fields


def payload_of(block: Block, profile: Profile, forced: Forced) -> tuple[str | None, FamilyProfile | None]:
    """Return the decoder's name for a block's first record, and its family; either is None if there is none."""
    from datacheck.decoders import SIDE_DECODERS, kind

    value = block.values[0]
    family = _family_of(block, profile)
    name = family.decoder if family else None
    if len(value) and name in (None, UNKNOWN):
        other = kind(value)
        name = other if family is None or other in family.by_magic else None
        if family is None and forced.rest is not None and not (forced.spares_texts and name in SIDE_DECODERS):
            name = forced.rest.decoder
            family = FamilyProfile(name, 0, forced=True, array=forced.rest.array)
    return name, family


def blamed_parts(name: str, value: bytes | memoryview) -> list[Part]:
    """Return the parts of a payload that are not arrays; errors in that are blamed on the record."""
    from datacheck.showing.fields import parts_in

    return [*blamed("undecodable", parts_in, name, value)]


def _row_fields(block: RowBlock, profile: Profile) -> Fields:
    """Return the fields of a row of a table: its numbers, and the contents of the cells of its other columns."""
    from datacheck.decoders import decoder, kind
    from datacheck.model.cells import RAGGED
    from datacheck.scanning.judging.columns import cell_blocks, full_and_empty, ragged_batches
    from datacheck.showing.fields import Part

    family = profile.families.get(block.table) or FamilyProfile("rows", 0)
    numbers, cells = cell_blocks(block, family)
    fields = Fields("rows", None)
    fields.take(blamed("undecodable", decoder("rows").decode, numbers, [0], family))
    for cell in cells:
        column_profile = family.columns.get(cell.column)
        full, _ = full_and_empty(cell)
        if not full:
            fields.parts.append(Part(cell.column, "empty"))
            continue
        if cell.holds == RAGGED:
            fields.take(ragged_batches(cell, full, column_profile))
            continue
        value = cell.values[0]
        name = kind(value) if column_profile is None or column_profile.decoder == UNKNOWN else column_profile.decoder
        if name is None or name == UNKNOWN:
            fields.parts.append(Part(cell.column, "a payload that no decoder knows, ", raw=value))
            continue
        decoded = fields.take(map(cell.placed, blamed("undecodable", decoder(name).decode, cell, full, column_profile)))
        parts = blamed_parts(name, value)
        fields.parts += (replace(it, name=cell.field(it.name)) for it in parts)
        if not decoded and not parts:
            fields.parts.append(Part(cell.column, f"{name}, {amount(len(value))}"))
    return fields


def _describe_array(batch: Batch) -> str:
    """Describe an array of one record in a line."""
    from datacheck.showing.fields import spelled_number
    from datacheck.statistics.measure import measure

    statistics = FieldStatistics()
    measure(batch, statistics)
    summary, name, dtype = statistics.summary(), batch.field, str(batch.values.dtype)
    if batch.shape == () and summary.min is not None:
        return f"{name}: {spelled_number(summary.min)}"
    if batch.format in WITHOUT_VALUES and batch.shape == (0,):
        return f"{name}: {batch.format}"
    shape = "x".join(map(str, batch.shape))
    what = " ".join(word for word in (batch.format, shape, dtype) if word)
    return f"{name}: {what}{_range_clause(summary, spelled_number)}"


def _range_clause(summary: FieldSummary, spelled: Callable[[float], str]) -> str:
    if summary.mean is None or summary.min is None or summary.max is None:
        return ", no finite values"
    std = "" if summary.std is None else f", std {summary.std:.6g}"
    return f", min {spelled(summary.min)}, max {spelled(summary.max)}, mean {summary.mean:.6g}{std}"


def _family_of(block: Block, profile: Profile) -> FamilyProfile | None:
    """Return the profile of the family that a block's first record belongs to, or None."""
    (family,) = block.named([0], profile.families)
    return profile.rest if family is None else profile.families[family]
