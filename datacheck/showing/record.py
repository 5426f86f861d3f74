"""Show one record as datacheck sees it. It is read in a worker, since it may be the one that kills its reader."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.errors import PartUnread, RecordMissing, UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.blocks import Layout, Shard
from datacheck.model.escaping import plain
from datacheck.model.nearest import instead
from datacheck.model.profile import Profile
from datacheck.model.settings import CHECKS, Settings
from datacheck.reporting.report import Report
from datacheck.reporting.summary import amount
from datacheck.scanning.blame import blaming
from datacheck.scanning.fingerprint import read_by
from datacheck.scanning.keeping import recognise
from datacheck.scanning.names import Names
from datacheck.scanning.odd_lengths import told
from datacheck.scanning.probing import take_profile
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.run import only
from datacheck.scanning.scan import is_reader, prepare_all
from datacheck.scanning.tasks import Job, TakeLayout, Task, opening_seconds
from datacheck.showing.describing import ReadRecord, Seen, Wanted
from datacheck.workers.interface import Death, Engine, MakeEngine, Watch


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


def show_record(
    source: str,
    key: str,
    settings: Settings,
    save: Path | None = None,
    engine: MakeEngine | None = None,
    names: Names | None = None,
    field: str | None = None,
) -> Record:
    """Return what to show of the record with this key, escaped as in reports; write its picture or array to `save`.

    With a `field`, by its path or the last part of it, that one is shown in full, and is what is written.

    Raises RecordMissing where there is none, UsageError where it has no such field, UsageError or ReportFailed where
    `save` cannot be.
    """
    names = Names(settings) if names is None else names
    prepared = prepare_all(source, settings)
    folder = prepared[0][0].path if is_reader(source) else Path(source)
    guard = Guard([folder], lambda: (file for it, _ in prepared for file in read_by(it)))
    with nullcontext() if save is None else Output(save, guard) as output:
        for reader, report, name in _meant(folder, prepared, key):
            record = _shown(source, reader, name, report, names, output, engine, field)
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
    field: str | None,
) -> Record | None:
    """Return what to show of a record; None where the reader has none with this key."""
    settings, wanted = report.settings, Wanted(field, output is not None)
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
        seen = only(pool, ReadRecord(shard, profile, wanted))
    if isinstance(seen, Death):
        return _dead(key, seen, "reading or decoding it")
    if seen is None:
        return None
    if wanted.field is not None and seen.named is None and (seen.names or not seen.findings):
        said = instead(wanted.field, seen.names)
        raise UsageError(f"the record {plain(key)} has no field {plain(wanted.field)!r}; {said}")
    lines = _lines(key, seen, settings, wanted.field)
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


def _lines(key: str, seen: Seen, settings: Settings, wanted: str | None) -> list[str]:
    size = "" if seen.size is None else f", {amount(seen.size)}"
    lines = [f"{plain(key)}: {seen.kind}{size}"]
    lines += seen.lines
    if wanted is not None and seen.named is None:
        lines.append(f"  the field {plain(wanted)} cannot be shown: nothing of the record could be decoded")
    lines += [f"  {it.code} ({it.verdict}): {it.field or 'record'}: {it.message}" for it in seen.findings]
    return lines if seen.findings else [*lines, f"  nothing wrong{_left_out(settings)}"]


def _left_out(settings: Settings) -> str:
    """Say what a record was not judged by."""
    skipped = [name for name in CHECKS if name not in settings.checks]
    said = [f"not checked: {', '.join(skipped)}"] if skipped else []
    said += [f"ignoring {plain(', '.join(settings.ignore))}"] if settings.ignore else []
    return "".join(f"; {it}" for it in said)


def _save(seen: Seen, output: Output) -> str:
    """Write a picture, or bytes or a text, as they are stored, or an array as .npy; return the line that says so."""
    path, whose = output.path, "the record" if seen.named is None else f"the field {seen.named}"
    if seen.raw is not None and path.suffix != ".npy":
        with writing(path):
            output.file.write(seen.raw)
        output.publish()
        return f"  saved the {amount(len(seen.raw))} as stored: {plain(str(path))}"
    if seen.array is None:
        what = "nothing that could be saved" if seen.raw is None else "no array; name a file that does not end in .npy"
        raise UsageError(f"{path}: {whose} holds {what}")
    if path.suffix != ".npy":
        raise UsageError(f"{path}: {whose} holds an array; name a file that ends in .npy")
    import numpy as np

    with writing(path):
        np.save(output.file, seen.array, allow_pickle=False)
    output.publish()
    return f"  saved the array: {plain(str(path))}"
