"""Show one record as datacheck sees it. It is read in a worker, since it may be the one that kills its reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.errors import RecordMissing, UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block, Shard
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.profile import UNKNOWN, Profile
from datacheck.model.settings import Settings
from datacheck.reporting.summary import amount
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.fingerprint import read_by
from datacheck.scanning.probing import take_profile
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.run import only
from datacheck.scanning.scan import prepare
from datacheck.scanning.tasks import Check, Job, TakeLayout, opening_seconds
from datacheck.statistics.exact_sums import FieldStatistics, FieldSummary
from datacheck.workers.interface import Death, MakeEngine, Watch

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
        findings = Check(self.shard, self.profile, careful=True, last=1).run(job, watch).findings
        for block in blamed("unreadable", job.reader.blocks, self.shard, limit=1):
            if len(block):
                try:
                    return _describe(block, self.profile, tuple(findings))
                except Exception:
                    if not findings:
                        raise
                    return Seen("a record that could not be decoded", None, (), tuple(findings))  # they say why
        return None


def show_record(
    source: str, key: str, settings: Settings, save: Path | None = None, engine: MakeEngine | None = None
) -> Record:
    """Return what to show of the record with this key, escaped as in reports; write its picture or array to `save`.

    Raises RecordMissing where there is none, UsageError or ReportFailed where `save` cannot be.
    """
    reader, _ = prepare(source, settings)
    if save is None:
        return _shown(source, reader, key, settings, None, engine)
    with Output(save, Guard([source], lambda: read_by(reader))) as output:
        return _shown(source, reader, key, settings, output, engine)


def _shown(
    source: str, reader: Reader, key: str, settings: Settings, output: Output | None, engine: MakeEngine | None
) -> Record:
    with start_engine(Job(reader, settings), 1, engine) as pool:
        shard = only(pool, Find(key))
        if shard is None:
            raise RecordMissing(source, f"has no record with the key {plain(key)}")
        if isinstance(shard, Death):
            return _dead(key, shard, "finding it", of_record=False)
        layout = only(pool, TakeLayout())
        profile = Profile() if isinstance(layout, Death) else take_profile(pool, layout).profile
        seen = only(pool, ReadRecord(shard, profile))
    if isinstance(seen, Death):
        return _dead(key, seen, "reading or decoding it")
    if seen is None:
        raise RecordMissing(source, f"has no record with the key {plain(key)}")
    lines = [*_lines(key, seen)]
    if output is not None:
        lines.append(_save(seen, output))
    verdicts = {finding.verdict for finding in seen.findings}
    return Record("\n".join(lines), 1 if "bad" in verdicts else 3 if "unverifiable" in verdicts else 0)


def _dead(key: str, death: Death, doing: str, *, of_record: bool = True) -> Record:
    finding = finding_of_death(death, doing, of_record=of_record)
    status = 1 if finding.verdict == "bad" else 3
    return Record(f"{plain(key)}\n  {finding.code} ({finding.verdict}): {finding.message}", status)


def _lines(key: str, seen: Seen) -> list[str]:
    size = "" if seen.size is None else f", {amount(seen.size)}"
    lines = [f"{plain(key)}: {seen.kind}{size}"]
    lines += [f"  {_line(content)}" for content in seen.contents]
    lines += [f"  {it.code} ({it.verdict}): {it.field or 'record'}: {it.message}" for it in seen.findings]
    return lines if seen.findings else [*lines, "  nothing wrong"]


def _line(content: Content) -> str:
    summary = content.summary
    if content.shape == () and summary.count:
        return f"{content.name}: {summary.min:g}"
    if content.format in WITHOUT_VALUES and content.shape == (0,):
        return f"{content.name}: {content.format}"
    shape = "x".join(map(str, content.shape))
    kind = " ".join(word for word in (content.format, shape, content.dtype) if word)
    if summary.mean is None:
        return f"{content.name}: {kind}, no finite values"
    spread = "" if summary.std is None else f", std {summary.std:.6g}"
    return f"{content.name}: {kind}, min {summary.min:g}, max {summary.max:g}, mean {summary.mean:.6g}{spread}"


def _describe(block: Any, profile: Profile, findings: tuple[Finding, ...]) -> Seen:
    from datacheck.decoders import decoder, kind
    from datacheck.decoders.interface import HoldingPictures
    from datacheck.statistics.measure import measure

    value = block.values[0] if isinstance(block, Block) else None
    family = profile.of(block.family(0)) if isinstance(block, Block) else profile.of(block.table)
    name = "rows" if value is None else (family.decoder if family else kind(value) if len(value) else None)
    if name is None or name == UNKNOWN:
        return Seen("a payload that no decoder knows", len(value or b""), (), findings, picture=bytes(value or b""))
    contents, array = [], None
    for batch in blamed("undecodable", decoder(name).decode, block, [0], family):
        if not isinstance(batch, Batch) or not len(batch.rows):
            continue
        statistics = FieldStatistics()
        measure(batch, statistics)
        contents.append(
            Content(batch.field, batch.shape, str(batch.values.dtype), batch.format, batch.label, statistics.summary())
        )
        if array is None and not batch.label:
            array = batch.values[0].copy()
    shown = decoder(name)
    picture = shown.stored_picture(value) if value is not None and isinstance(shown, HoldingPictures) else None
    return Seen(name, None if value is None else len(value), tuple(contents), findings, picture, array)


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
