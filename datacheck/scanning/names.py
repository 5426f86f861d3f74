"""Report names in options that no source has.

Such a name is an error, but in a configuration that was merely found it only gets a sentence.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from datacheck.backends.interface import WithNames
from datacheck.errors import UsageError
from datacheck.model.blocks import Block
from datacheck.model.escaping import escape, plain, unescape
from datacheck.model.finding import Finding
from datacheck.model.key_families import fold
from datacheck.model.naming import FAMILIES, asked_for, field_names, name_matches, names_in_options
from datacheck.model.nearest import suggestion
from datacheck.model.settings import Settings
from datacheck.reporting.ignoring import pattern_of
from datacheck.reporting.report import Report
from datacheck.scanning.blame import blaming
from datacheck.scanning.profile.recognition import words_of
from datacheck.scanning.profile.taking import Taken
from datacheck.scanning.tasks import Job, Task, begin_on_store, run_one
from datacheck.workers.interface import Engine, Watch

IGNORE = "ignore"
KNOWN = 1000
"""Maximum number of names of one source that are kept for a message."""
Asked = tuple[str, str]
"""An option, and a name that it gives."""


class LookUp(msgspec.Struct, frozen=True):
    """A task that looks up some names in a store.

    It returns which of the names are names of the store's parts, some of the parts' names, and whether these are all;
    or None if the parts have no names.
    """

    asked: tuple[Asked, ...]

    def run(self, job: Job, watch: Watch) -> tuple[frozenset[Asked], list[str], bool] | None:
        begin_on_store(job, watch)
        if not isinstance(job.reader, WithNames):
            return None
        with blaming("unreadable"):
            names, complete = job.reader.part_names()
            present: set[Asked] = set()
            some: dict[str, None] = {}
            for path in names:
                present.update(it for it in self.asked if _is_at(*it, path))
                if len(some) < KNOWN:
                    some[path.rpartition("/")[2]] = None
        return frozenset(present), list(some), complete


def _is_at(option: str, name: str, path: str) -> bool:
    """Return whether an option means the dataset at a path, or a table or group that it is in."""
    if option not in FAMILIES:
        return name_matches(option, name, path)
    matches = pattern_of(name).fullmatch
    return any(matches(path[:end] or "/") for end in (len(path), *(at for at, sign in enumerate(path) if sign == "/")))


class LookForFamilies(msgspec.Struct, frozen=True):
    """A task that returns which of some families of keys the store has.

    It reads the keys until all families are found.
    """

    asked: frozenset[Asked]

    def run(self, job: Job, watch: Watch) -> frozenset[Asked]:
        begin_on_store(job, watch)
        left = set(self.asked)
        with blaming("unreadable"):
            for shard in job.reader.layout().shards:
                for block in job.reader.blocks(shard):
                    if isinstance(block, Block):
                        left -= _families_in(block, left)
                    if not left:
                        return self.asked
        return self.asked - left


def _families_in(block: Block, asked: Collection[Asked]) -> set[Asked]:
    """Return which of some families a block has; those of --ignore may be single keys, and have the database's name."""
    rows = range(len(block))
    exact = frozenset(name for option, name in asked if option != IGNORE)
    present = set(block.named(rows, exact)) if exact else set()
    patterns = [(it, pattern_of(it[1])) for it in asked if it[0] == IGNORE]
    prefix = "" if block.database is None else f"{escape(os.fsencode(block.database))}:"
    names = [prefix + name for name in block.names(rows)] if patterns else []
    return {it for it in asked if it[0] != IGNORE and it[1] in present} | {
        it for it, pattern in patterns if any(map(pattern.fullmatch, names))
    }


class Names(msgspec.Struct):
    """The search for the names that a run's options give. A name counts as found if one of the sources has it.

    `sources` is the number of sources still to search. `excused` has the options from a configuration that was merely
    found, `unheeded` the sentences about names in these that do not exist.
    """

    settings: Settings
    sources: int = 1
    excused: frozenset[str] = frozenset()
    unheeded: list[str] = msgspec.field(default_factory=list)
    _present: set[Asked] = msgspec.field(default_factory=set)
    _known: dict[str, None] = msgspec.field(default_factory=dict)
    _families: dict[str, None] = msgspec.field(default_factory=dict)
    _open: bool = False
    """Whether the current source may have names that its sample does not show."""
    _doubtful: bool = False
    """Whether a source could not tell all the names that it has."""

    def skip(self) -> None:
        """Leave out a source that cannot be searched."""
        self.sources -= 1
        self._open, self._doubtful = False, True

    def look(self, report: Report, taken: Taken | None, pool: Engine[Task]) -> None:
        """Search for the names in a source, judged by its sample.

        Raises UsageError for a name that no source has.
        """
        asked = list(asked_for(self.settings))
        self.sources -= 1
        if not asked:
            return
        complete = taken is None or _shows_all_names(taken)
        of_fields = [it for it in asked if it[0] not in FAMILIES]
        self._see(of_fields, names_in_options(report.profile), field_names(report.profile))
        self._present.update(it for it in of_fields if it[0] == "label-field" and _names_labels(report, it[1]))
        self._look_for_families(asked, report, taken, pool)
        of_parts = [it for it in asked if it in of_fields or it[0] == IGNORE]
        complete = complete or not of_fields
        if set(of_parts) - self._present and report.source.backend == "hdf5":
            answer = run_one(pool, LookUp(tuple(of_parts)))
            if not isinstance(answer, tuple):
                complete = False
            else:
                present, some, all_names = answer
                self._present.update(present)
                self._known.update(dict.fromkeys(some))
                complete = all_names
        self._open = not complete
        if not self.sources and complete and not self._doubtful:
            self._refuse(report, asked)

    def _look_for_families(
        self, asked: Sequence[Asked], report: Report, taken: Taken | None, pool: Engine[Task]
    ) -> None:
        """Search for families of keys in a source: in its sample, and in all its keys if the sample lacks one."""
        profile = report.profile.families
        seen = taken.families if taken is not None else [name for name, it in profile.items() if it.sampled]
        self._present.update(it for it in asked if it[0] in FAMILIES and it[1] in seen)
        self._families.update(dict.fromkeys(seen or (fold(unescape(it)) for it in profile)))
        every = [*seen, *profile, *([] if report.profile.rest is None else [""])]
        self._present.update(it for it in asked if it[0] == IGNORE and any(map(pattern_of(it[1]).fullmatch, every)))
        missing = frozenset(it for it in asked if it[0] in FAMILIES and it not in self._present)
        if not missing or report.source.backend == "hdf5":
            return
        answer = run_one(pool, LookForFamilies(missing))
        if isinstance(answer, frozenset):
            self._present.update(answer)
        else:
            self._doubtful = True

    def conclude(self, report: Report) -> None:
        """Search for the names in all that was read of a source, if its sample was not conclusive."""
        asked = list(asked_for(self.settings))
        if not asked or not self._open:
            return
        self._see([it for it in asked if it[0] not in FAMILIES], report.tally.statistics, report.tally.statistics)
        conclusive = report.complete and report.tally.statistics and not report.partial
        self._doubtful |= not conclusive or report.source.backend == "hdf5"
        if not self.sources and not self._doubtful:
            self._refuse(report, asked)

    def _see(self, asked: Iterable[Asked], found: Iterable[str], known: Iterable[str]) -> None:
        for path in found:
            self._present.update(it for it in asked if name_matches(*it, path))
        self._known.update(dict.fromkeys(islice(known, KNOWN)))

    def _refuse(self, report: Report, asked: Iterable[Asked]) -> None:
        for option, name in asked:
            if (option, name) in self._present:
                continue
            known, what = (self._families, "the family ") if option in FAMILIES else (self._known, "")
            message = f"--{option} names {what}{name!r}, which no record has; {suggestion(name, known)}"
            if option not in self.excused:
                raise UsageError(message)
            self.unheeded.append(f"{message}; the option is left out")
            config = report.settings.config
            if config is not None:
                not_there = (*config.not_there, f"{option} {name}")
                config = msgspec.structs.replace(config, not_there=not_there)
                report.settings = msgspec.structs.replace(report.settings, config=config)

    def heeded(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings of a store, except those that come from options which are left out."""
        if "together" not in self.excused or not self.unheeded:
            yield from findings
            return
        absent = {
            plain(name.strip("/")) for option, name in asked_for(self.settings) if (option, name) not in self._present
        }
        for finding in findings:
            rows = finding.details.get("rows")
            if finding.code == "row-count" and isinstance(rows, dict) and absent & {name.strip("/") for name in rows}:
                continue
            yield finding


def _names_labels(report: Report, name: str) -> bool:
    """Return whether a word in the keys of a family was taken for the name of labels."""
    return report.source.backend != "hdf5" and any(
        name.lower() in words_of(family) for family in report.profile.families
    )


def _shows_all_names(taken: Taken) -> bool:
    """Return whether the sample shows all names of what it holds."""
    empty = not any(family.fields for family in [*taken.profile.families.values(), taken.profile.rest] if family)
    return not (empty or taken.strays or taken.left or taken.unused or taken.undecided)
