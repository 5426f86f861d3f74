"""Show one record as datacheck sees it. It is read in a worker, since it may be the one that kills its reader."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.errors import PartUnread, RecordMissing, UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block, Layout, RowBlock, Shard
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.forced import UNFORCED, Forced
from datacheck.model.profile import UNKNOWN, FamilyProfile, Profile
from datacheck.model.settings import CHECKS, Settings
from datacheck.reporting.ignoring import ignoring
from datacheck.reporting.report import Report
from datacheck.reporting.summary import amount
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.fingerprint import read_by
from datacheck.scanning.keeping import recognise
from datacheck.scanning.names import Names
from datacheck.scanning.odd_lengths import told
from datacheck.scanning.probing import take_profile
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.run import only
from datacheck.scanning.scan import is_reader, prepare_all
from datacheck.scanning.tasks import Check, Job, TakeLayout, Task, opening_seconds
from datacheck.statistics.exact_sums import FieldStatistics, FieldSummary
from datacheck.workers.interface import Death, Engine, MakeEngine, Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray


WITHOUT_VALUES = frozenset({"text", "bytes", "other"})
"""Parts of trees that have no numbers in them."""


class Content(msgspec.Struct, frozen=True):
    """One field of a record: shape, dtype and statistics; `format` as in `Batch`."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    format: str
    label: bool
    summary: FieldSummary


@dataclass(frozen=True)
class Seen:
    """What one record holds: its payload's kind, its size in bytes (None for rows), its fields, what is wrong with it.

    `picture` and `array` are what `--save` writes: the picture as it is stored, or the values of the main field.
    """

    kind: str
    size: int | None
    contents: tuple[Content, ...]
    findings: tuple[Finding, ...]
    picture: bytes | None = None
    array: NDArray[Any] | None = None


@dataclass(frozen=True)
class Record:
    """The text to show for a record, and the exit status: 0 nothing wrong, 1 bad, 3 undecided."""

    text: str
    status: int


@dataclass(frozen=True)
class Find:
    """Return the Shard of the one record with this escaped key, or None."""

    key: str

    def run(self, job: Job, watch: Watch) -> Shard | None:
        watch.timeout, watch.patience = opening_seconds(job.reader) + job.settings.timeout, 2
        watch.note(None)
        with blaming("unreadable"):
            return job.reader.find(self.key)


@dataclass(frozen=True)
class ReadRecord:
    """Return what the record of a shard holds, as Seen; None if there is no record there."""

    shard: Shard
    profile: Profile

    def run(self, job: Job, watch: Watch) -> Seen | None:
        ignores = ignoring(job.settings.ignore)
        tally = Check(self.shard, self.profile, careful=True, last=1).run(job, watch)
        findings = [finding for finding in tally.findings if not ignores(finding)]
        forced = Forced.by(job.settings)
        for block in blamed("unreadable", job.reader.blocks, self.shard, limit=1):
            if len(block):
                try:
                    return _describe(block, self.profile, tuple(findings), forced, unknown=bool(tally.unknown))
                except Exception:
                    if not findings:
                        raise
                    return Seen("a record that could not be decoded", None, (), tuple(findings))  # they say why
        return None


def show_record(
    source: str,
    key: str,
    settings: Settings,
    save: Path | None = None,
    engine: MakeEngine | None = None,
    names: Names | None = None,
) -> Record:
    """Return what to show of the record with this key, escaped as in reports; write its picture or array to `save`.

    Raises RecordMissing where there is none, UsageError or ReportFailed where `save` cannot be.
    """
    names = Names(settings) if names is None else names
    prepared = prepare_all(source, settings)
    folder = prepared[0][0].path if is_reader(source) else Path(source)
    guard = Guard([folder], lambda: (file for it, _ in prepared for file in read_by(it)))
    with nullcontext() if save is None else Output(save, guard) as output:
        for reader, report, name in _meant(folder, prepared, key):
            record = _shown(source, reader, name, report, names, output, engine)
            if record is not None:
                return record
    raise RecordMissing(source, f"has no record with the key {plain(key)}")


def _meant(folder: Path, prepared: Sequence[tuple[Reader, Report]], key: str) -> Iterator[tuple[Reader, Report, str]]:
    """Yield where a record may be: in the store that is named before its key, or in each of those in a folder."""
    for reader, report in prepared:
        name = f"{plain(os.path.relpath(reader.path, folder))}:"
        if reader.path != folder and key.startswith(name):
            yield reader, report, key.removeprefix(name)
    yield from ((reader, report, key) for reader, report in prepared)


def _shown(
    source: str,
    reader: Reader,
    key: str,
    report: Report,
    names: Names,
    output: Output | None,
    engine: MakeEngine | None,
) -> Record | None:
    """Return what to show of a record; None where the reader has none with this key."""
    settings = report.settings
    with start_engine(Job(reader, settings), 1, engine) as pool:
        try:
            shard = only(pool, Find(key))
        except PartUnread as exc:
            if exc.damaged:
                raise RecordMissing(
                    source, f"has no record with the key {plain(key)} in what can be read: {exc}"
                ) from exc
            said = f"it was not found, and a part of the store where it may be could not be read: {exc}"
            return Record(f"{plain(key)}\n  unverifiable: {said}", 3)
        if shard is None:
            return None
        if isinstance(shard, Death):
            return _dead(key, shard, "finding it", of_record=False)
        layout = only(pool, TakeLayout())
        profile = Profile()
        if not isinstance(layout, Death):
            taken = take_profile(pool, layout)
            profile = _told(pool, layout, taken.profile)
            report.profile = profile
            names.look(report, taken, pool)
        seen = only(pool, ReadRecord(shard, profile))
    if isinstance(seen, Death):
        return _dead(key, seen, "reading or decoding it")
    if seen is None:
        return None
    lines = [*_lines(key, seen, settings)]
    if output is not None:
        lines.append(_save(seen, output))
    verdicts = {finding.verdict for finding in seen.findings}
    counts = {"bad", "suspicious"} if settings.strict else {"bad"}
    return Record("\n".join(lines), 1 if counts & verdicts else 3 if "unverifiable" in verdicts else 0)


def _told(pool: Engine[Task], layout: Layout, profile: Profile) -> Profile:
    """Return the profile with what the store's conventions tell of raw arrays, where it has some of unknown shape."""
    if not any(it.length is not None or (it.array is not None and it.array.shape is None) for it in profile.every):
        return profile
    conventions = recognise(pool, layout)
    return profile if isinstance(conventions, Death) else told(profile, conventions)


def _dead(key: str, death: Death, doing: str, *, of_record: bool = True) -> Record:
    finding = finding_of_death(death, doing, of_record=of_record)
    status = 1 if finding.verdict == "bad" else 3
    return Record(f"{plain(key)}\n  {finding.code} ({finding.verdict}): {finding.message}", status)


def _lines(key: str, seen: Seen, settings: Settings) -> list[str]:
    size = "" if seen.size is None else f", {amount(seen.size)}"
    lines = [f"{plain(key)}: {seen.kind}{size}"]
    lines += [f"  {_line(content)}" for content in seen.contents]
    lines += [f"  {it.code} ({it.verdict}): {it.field or 'record'}: {it.message}" for it in seen.findings]
    return lines if seen.findings else [*lines, f"  nothing wrong{_left_out(settings)}"]


def _left_out(settings: Settings) -> str:
    """Say what a record was not judged by."""
    skipped = [name for name in CHECKS if name not in settings.checks]
    said = [f"not checked: {', '.join(skipped)}"] if skipped else []
    said += [f"ignoring {plain(', '.join(settings.ignore))}"] if settings.ignore else []
    return "".join(f"; {it}" for it in said)


def _line(content: Content) -> str:
    summary = content.summary
    if content.shape == () and summary.count:
        return f"{content.name}: {summary.min:g}"
    if (content.format in WITHOUT_VALUES or not content.dtype) and content.shape == (0,):
        return f"{content.name}: {content.format}"
    shape = "x".join(map(str, content.shape))
    kind = " ".join(word for word in (content.format, shape, content.dtype) if word)
    if summary.mean is None:
        return f"{content.name}: {kind}, no finite values"
    spread = "" if summary.std is None else f", std {summary.std:.6g}"
    return f"{content.name}: {kind}, min {summary.min:g}, max {summary.max:g}, mean {summary.mean:.6g}{spread}"


def _describe(
    block: Any, profile: Profile, findings: tuple[Finding, ...], forced: Forced = UNFORCED, *, unknown: bool
) -> Seen:
    from datacheck.decoders import SIDE_DECODERS, decoder, kind
    from datacheck.decoders.interface import HoldingPictures
    from datacheck.scanning.judge import unknown_payload

    if not isinstance(block, Block):
        return _describe_row(block, profile, findings)
    value = block.values[0]
    family = _family_of(block, profile)
    name = family.decoder if family else None
    if len(value) and name in (None, UNKNOWN):
        other = kind(value)
        name = other if family is None or other in family.by_magic else None
        if family is None and forced.rest is not None and not (forced.spares_texts and name in SIDE_DECODERS):
            name = forced.rest.decoder
            family = FamilyProfile(name, 0, forced=True, array=forced.rest.array)
    if name is None or name == UNKNOWN:
        if unknown and value:  # a scan says it once of all such records
            findings = (*findings, unknown_payload(bytes(value[:8])))
        return Seen("a payload that no decoder knows", len(value or b""), (), findings, picture=bytes(value or b""))
    contents, array = _contents(blamed("undecodable", decoder(name).decode, block, [0], family))
    shown = decoder(name)
    picture = shown.stored_picture(value) if isinstance(shown, HoldingPictures) else None
    return Seen(name, len(value), contents, findings, picture, array)


def _describe_row(block: RowBlock, profile: Profile, findings: tuple[Finding, ...]) -> Seen:
    """Describe a row of a table: its numbers, and what the cells of its other columns hold."""
    from datacheck.decoders import decoder, kind
    from datacheck.decoders.interface import HoldingPictures
    from datacheck.model.cells import RAGGED
    from datacheck.scanning.columns import cell_blocks, ragged_batches, sorted_out

    family = profile.families.get(block.table) or FamilyProfile("rows", 0)
    numbers, cells = cell_blocks(block, family)
    contents, array = _contents(blamed("undecodable", decoder("rows").decode, numbers, [0], family))
    picture = None
    for cell in cells:
        of = family.columns.get(cell.column)
        full, _ = sorted_out(cell)
        if not full:
            contents = (*contents, _words(cell.column, "empty"))
            continue
        if cell.holds == RAGGED:
            seen, values = _contents(ragged_batches(cell, full, of))
            contents, array = (*contents, *seen), values if array is None else array
            continue
        value = cell.values[0]
        name = kind(value) if of is None or of.decoder == UNKNOWN else of.decoder
        if name is None or name == UNKNOWN:
            contents = (*contents, _words(cell.column, f"{amount(len(value))} that no decoder knows"))
            continue
        decodes = decoder(name)
        seen, values = _contents(map(cell.placed, blamed("undecodable", decodes.decode, cell, full, of)))
        contents = (*contents, *(seen or (_words(cell.column, f"{name}, {amount(len(value))}"),)))
        array = values if array is None else array
        if picture is None and isinstance(decodes, HoldingPictures):
            picture = decodes.stored_picture(value)
    return Seen("rows", None, contents, findings, picture, array)


def _words(name: str, what: str) -> Content:
    return Content(name, (0,), "", what, label=False, summary=FieldStatistics().summary())


def _contents(items: Iterable[Batch | tuple[int, Finding]]) -> tuple[tuple[Content, ...], NDArray[Any] | None]:
    """Return what a decoder made of one record, and the values of the first field that is no label."""
    from datacheck.statistics.measure import measure

    contents, array = [], None
    for batch in items:
        if not isinstance(batch, Batch) or not len(batch.rows):
            continue
        if batch.values.dtype.kind == "S":  # a label that is a word
            continue
        statistics = FieldStatistics()
        measure(batch, statistics)
        contents.append(
            Content(batch.field, batch.shape, str(batch.values.dtype), batch.format, batch.label, statistics.summary())
        )
        if array is None and not batch.label:
            array = batch.values[0].copy()
    return tuple(contents), array


def _family_of(block: Block, profile: Profile) -> FamilyProfile | None:
    """Return what the family of a block's first record is meant to hold."""
    (family,) = block.named([0], profile.families)
    return profile.rest if family is None else profile.families[family]


def _save(seen: Seen, output: Output) -> str:
    """Write the picture as it is stored, or the array as .npy; return the line that says so."""
    path = output.path
    if seen.picture is not None and path.suffix != ".npy":
        with writing(path):
            output.file.write(seen.picture)
        output.publish()
        return f"  saved the {amount(len(seen.picture))} as stored: {plain(str(path))}"
    if seen.array is None:
        raise UsageError(f"{path}: the record holds nothing that could be saved")
    if path.suffix != ".npy":
        raise UsageError(f"{path}: the record holds an array; name a file that ends in .npy")
    import numpy as np

    with writing(path):
        np.save(output.file, seen.array, allow_pickle=False)
    output.publish()
    return f"  saved the array: {plain(str(path))}"
