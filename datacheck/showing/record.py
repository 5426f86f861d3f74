"""Show one record as datacheck sees it. It is read in a worker, since it may be the one that kills its reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.errors import PartUnread, RecordMissing, UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output
from datacheck.model.blocks import Layout, Shard
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.nearest import suggestion
from datacheck.model.profile import Profile
from datacheck.model.replacing import replace
from datacheck.model.settings import CHECKS, Settings
from datacheck.reporting.ignoring import ignoring
from datacheck.reporting.report import Report
from datacheck.reporting.summary import amount
from datacheck.scanning.choosing_eyes import with_eyes
from datacheck.scanning.earlier.fingerprint import read_by
from datacheck.scanning.earlier.like import like_of
from datacheck.scanning.find import Find
from datacheck.scanning.judging.odd_lengths import with_known_shapes
from datacheck.scanning.keys.keeping import Kept, recognise
from datacheck.scanning.names import Names
from datacheck.scanning.profile.probing import take_profile
from datacheck.scanning.profile.taking import Taken
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.run import Progress
from datacheck.scanning.scan import is_reader, prepare_all
from datacheck.scanning.searching import Searching, unshown
from datacheck.scanning.tasks import Job, TakeLayout, Task, run_one
from datacheck.showing.describing import ReadRecord, RecordContent, Wanted
from datacheck.showing.first_bad import first_bad
from datacheck.showing.partners import FindPartners
from datacheck.showing.record_json import RecordDocument
from datacheck.showing.saving import Folder, Saved, write
from datacheck.workers.interface import Death, Engine, MakeEngine

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPEN = 8
"""Maximum number of stores of a folder that have a worker at a time."""


@dataclass(frozen=True)
class Record:
    """The text to show for a record, the document for programs, and a small picture."""

    text: str
    document: RecordDocument
    picture: NDArray[Any] | None = None

    @property
    def status(self) -> int:
        """The exit status: 0 if nothing is wrong, 1 if something is bad, 3 if that is undecided."""
        return self.document.status


def show_record(
    source: str,
    key: str,
    settings: Settings,
    save: Path | None = None,
    engine: MakeEngine | None = None,
    names: Names | None = None,
    field: str | None = None,
) -> Record:
    """Return what to show of one record; see `Showing`."""
    with Showing(source, settings, save, engine=engine, names=names, field=field) as showing:
        return showing.record(key)


class Showing:
    """A view of the records of a source, by their keys as reports have them.

    Use as a context manager for its records: it then holds workers.

    A `field`, given by its path or the last part of it, is shown in full, and is what is written to `save`. For `many`
    records, `save` is a folder. `picture` is the size in pixels of the small picture that is wanted. `spell` formats
    the keys that are printed. `searching` shows how far the search of a folder has come. With `values`, the documents
    have what the fields hold.

    Raises UsageError or ReportFailed if `save` cannot be written.
    """

    def __init__(
        self,
        source: str,
        settings: Settings,
        save: Path | None = None,
        *,
        many: bool = False,
        engine: MakeEngine | None = None,
        names: Names | None = None,
        field: str | None = None,
        picture: tuple[int, int] | None = None,
        spell: Callable[[str], str] = plain,
        searching: Searching = unshown,
        values: bool = False,
    ) -> None:
        self._source, self._engine, self._spell = source, engine, spell
        self._names = Names(settings) if names is None else names
        self._prepared = prepare_all(source, settings, searching)
        self._folder = self._prepared[0][0].path if is_reader(source) else Path(source)
        self._wanted = Wanted(field, save is not None, picture, values)
        self._save, self._many = save, many
        self._output: Output | Folder | None = None
        self._open: dict[int, _Store] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Showing:
        with ExitStack() as stack:
            if self._save is not None:
                guard = Guard([self._folder], lambda: (file for it, _ in self._prepared for file in read_by(it)))
                if self._many:
                    self._output = Folder(self._save, guard)
                else:
                    self._output = stack.enter_context(Output(self._save, guard))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def first_bad(self, count: int, progress: Progress, names: Names) -> tuple[list[str], int]:
        """Scan for at most `count` bad records; return their keys for `record`, and the exit status of the scan."""
        fresh = [(reader, Report(report.source, report.settings)) for reader, report in self._prepared]
        return first_bad(self._folder, fresh, count, progress, names)

    def record(self, key: str) -> Record:
        """Return what to show of the record with this key, and write what it holds if that is wanted.

        Raises RecordMissing if there is no such record, and UsageError if it has no such field.
        """
        for reader, report, name in candidate_stores(self._folder, self._prepared, key):
            record = self._show(self._store_of(reader, report), name, self._spell(key))
            if record is not None:
                return record
        raise RecordMissing(self._source, f"has no record with the key {plain(key)}")

    def _store_of(self, reader: Reader, report: Report) -> _Store:
        if id(reader) not in self._open:
            while len(self._open) >= OPEN:
                self._open.pop(next(iter(self._open))).close()
            store = _Store(reader, report, self._names, self._engine)
            self._stack.callback(store.close)
            self._open[id(reader)] = store
        return self._open[id(reader)]

    def _show(self, store: _Store, key: str, title: str) -> Record | None:
        """Return what to show of a record, or None if the store has none with this key."""
        wanted, settings = self._wanted, store.report.settings
        try:
            content = store.content(key, wanted)
        except PartUnread as exc:
            if exc.damaged:
                raise RecordMissing(
                    self._source, f"has no record with the key {plain(key)} in what can be read: {exc}"
                ) from exc
            reason = f"it was not found, and a part of the store where it may be could not be read: {exc}"
            document = RecordDocument(source=store.report.source.path, key=title, status=3, unread=reason)
            return Record(f"{title}\n  unverifiable: {reason}", document)
        if content is None:
            return None
        if isinstance(content, Finding):
            return _death_record(store.report, title, content)
        if wanted.field is not None and content.named is None and (content.names or not content.findings):
            reason = suggestion(wanted.field, content.names)
            raise UsageError(f"the record {plain(key)} has no field {plain(wanted.field)!r}; {reason}")
        lines, saved = _record_lines(title, content, settings, wanted.field), self._saved(key, content)
        lines += [] if saved is None else [saved.line]
        verdicts = {finding.verdict for finding in content.findings}
        bad_verdicts = {"bad", "suspicious"} if settings.strict else {"bad"}
        status = 1 if bad_verdicts & verdicts else 3 if "unverifiable" in verdicts else 0
        document = _document(store.report, title, status, content)
        document.saved = None if saved is None else saved.path
        return Record("\n".join(lines), document, content.picture)

    def _saved(self, key: str, content: RecordContent) -> Saved | None:
        """Write what a record holds, if that is wanted."""
        if isinstance(self._output, Folder):
            return self._output.write(key, content)
        return None if self._output is None else Saved(write(content, self._output), str(self._output.path))


class _Store:
    """A store with a worker that reads it, and its profile once a record was found."""

    def __init__(self, reader: Reader, report: Report, names: Names, engine: MakeEngine | None) -> None:
        self.report = report
        self._names = names
        self._profile: Profile | None = None
        self._keeps: Kept = {}
        self._stack = ExitStack()
        self._like = like_of(report.settings, report.source.path)
        job = Job(reader, report.settings, view=self._like)
        self._pool = self._stack.enter_context(start_engine(job, 1, engine))

    def close(self) -> None:
        """End the worker."""
        self._stack.close()

    def content(self, key: str, wanted: Wanted) -> RecordContent | Finding | None:
        """Return what a record holds, or a finding if it kills the worker; None if there is none with this key."""
        shard = run_one(self._pool, Find(key))
        if shard is None:
            return None
        if isinstance(shard, Death):
            return finding_of_death(shard, "finding it", of_record=False)
        if self._profile is None:
            self._profile = self._take_profile()
        content = run_one(self._pool, ReadRecord(shard, self._profile, wanted, self.report.settings.eyes))
        if isinstance(content, Death):
            return finding_of_death(content, "reading or decoding it")
        return content if content is None else self._with_partners(content, shard)

    def _with_partners(self, content: RecordContent, shard: Shard) -> RecordContent:
        """Return a record with what its sample lacks, if the store's conventions define samples of several records."""
        known = self._keeps.get(shard.part)
        if known is None or not any(it.stems or len(it.parts) > 1 for it in known.conventions):
            return content
        missing = run_one(self._pool, FindPartners(shard, known))
        ignores = ignoring(self.report.settings.ignore)
        partner_findings = [] if isinstance(missing, Death) else [it for it in missing if not ignores(it)]
        return replace(content, findings=(*content.findings, *partner_findings))

    def _take_profile(self) -> Profile:
        layout = run_one(self._pool, TakeLayout())
        if isinstance(layout, Death):
            return Profile()
        taken = take_profile(self._pool, layout)
        known = recognise(self._pool, layout, taken)
        self._keeps = {} if isinstance(known, Death) else known
        profile = with_known_shapes(taken.profile, self._keeps) if _has_unknown_arrays(taken.profile) else taken.profile
        self.report.profile = profile
        self.report.settings = with_eyes(self.report.settings, layout, profile, self._pool)
        self._names.look(self.report, taken, self._pool)
        return profile if self._like is None else self._like.expected(profile)[0]


def candidate_stores(
    folder: Path, prepared: Sequence[tuple[Reader, Report]], key: str
) -> Iterator[tuple[Reader, Report, str]]:
    """Yield the stores that may hold a record, with its key there: a store named before the key, then every store."""
    for reader, report in prepared:
        name = f"{plain(os.path.relpath(reader.path, folder))}:"
        if reader.path != folder and key.startswith(name):
            yield reader, report, key.removeprefix(name)
    yield from ((reader, report, key) for reader, report in prepared)


def with_convention_arrays(pool: Engine[Task], layout: Layout, taken: Taken) -> Profile:
    """Return the profile, with what the store's conventions say about raw arrays if it has some of unknown shape."""
    if not _has_unknown_arrays(taken.profile):
        return taken.profile
    known = recognise(pool, layout, taken)
    return taken.profile if isinstance(known, Death) else with_known_shapes(taken.profile, known)


def _has_unknown_arrays(profile: Profile) -> bool:
    return any(it.length is not None or (it.array is not None and it.array.shape is None) for it in profile.every)


def _death_record(report: Report, key: str, finding: Finding) -> Record:
    status = 1 if finding.verdict == "bad" else 3
    document = RecordDocument(source=report.source.path, key=key, status=status, findings=[finding])
    return Record(f"{key}\n  {finding.code} ({finding.verdict}): {finding.message}", document)


def _document(report: Report, key: str, status: int, content: RecordContent) -> RecordDocument:
    settings = report.settings
    return RecordDocument(
        source=report.source.path,
        key=key,
        status=status,
        decoder=content.decoder,
        bytes=content.size,
        fields=list(content.fields),
        more_fields=content.more,
        findings=[msgspec.structs.replace(it, index=None) for it in content.findings],  # it is alone in its block
        damage=content.damage,
        not_checked=[name for name in CHECKS if name not in settings.checks],
        ignore=list(settings.ignore),
        config=settings.config,
    )


def _record_lines(key: str, content: RecordContent, settings: Settings, wanted: str | None) -> list[str]:
    size = "" if content.size is None else f", {amount(content.size)}"
    lines = [f"{key}: {content.kind}{size}"]
    lines += content.lines
    if wanted is not None and content.named is None:
        lines.append(f"  the field {plain(wanted)} cannot be shown: nothing of the record could be decoded")
    lines += [f"  {it.code} ({it.verdict}): {it.field or 'record'}: {it.message}" for it in content.findings]
    lines += [] if content.damage is None else [f"  {content.damage}"]
    return lines if content.findings else [*lines, f"  nothing wrong{_left_out_clause(settings)}"]


def _left_out_clause(settings: Settings) -> str:
    """Return the text that says what a record was not judged by."""
    skipped = [name for name in CHECKS if name not in settings.checks]
    clauses = [f"not checked: {', '.join(skipped)}"] if skipped else []
    clauses += [f"ignoring {plain(', '.join(settings.ignore))}"] if settings.ignore else []
    return "".join(f"; {it}" for it in clauses)
