"""Suggest what to run next. Each printed command can be pasted into a shell, and sees the same data as the scan did."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from datacheck.backends import BACKENDS, kind_of_copy
from datacheck.conventions import CONVENTIONS
from datacheck.conventions.parting import parted_pair
from datacheck.decoders.raw import array_text
from datacheck.errors import DENIED
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.listing import counted
from datacheck.model.profile import UNKNOWN, FamilyProfile
from datacheck.model.settings import Array, Bounds
from datacheck.reporting.compared import only_compared
from datacheck.reporting.earlier import JSON, JSON_LINES
from datacheck.reporting.missing_values import often_missing
from datacheck.reporting.page import PAGE
from datacheck.reporting.source import SearchedFolder
from datacheck.reporting.summary import ALL_PRINTED

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

DAMAGE = frozenset({"truncated-store", "damaged-store", "checksum", "unreadable", "crash", "timeout"})
"""Codes of findings about the store as a whole that do not hold for a copy, which is made of what can be read."""
RECURRING = ("leak", "duplicate")
ALONGSIDE = frozenset({"changed", "lost", "duplicate", "leak"})
"""Codes of findings that a scan makes only if asked to."""
READABLE = (JSON, JSON_LINES)
"""Suffixes of reports that a rebuild can be based on."""
GONE = "lost"
"""Code of records that no longer exist and cannot be shown."""
LOOKED_AT = 10_000
"""Maximum number of findings examined for a suggestion."""
DECIDES = {
    "unknown-payload": "--decoder NAME says what the payload is, if you know",
    "timeout": "--timeout SECONDS allows a record more",
    "label": "--label-field NAME says what is a label",
    "missing-filter": "install the package that is named",
    "source-changed": "scan again when nothing writes to it",
    "internal-error": "please report it",
}
"""How the user can decide what is undecided, by the code of the finding."""
MAY_READ = "give yourself the permission to read it (chmod)"
MORE_MEMORY = "allow more memory (ulimit -v, or the limit of the container or batch job)"
OF_MEMORY = re.compile("needs more memory than|at their memory limit")
"""What a finding says about a record that had too little memory."""
ENDS_EARLY = frozenset({"timeout", "too-large", "crash", "unreadable", "internal-error"})
"""Codes of findings after which the rest of a store may not have been reached."""


LONGEST_NAME = 4_000
"""Longest record name put into a command, in characters: longer ones do not fit in a command line or are unreadable."""
SUGGESTED = 3
"""Maximum number of families for which a way to read them is suggested."""
SUGGESTED_DTYPES = {1: ("u1",), 2: ("f2", "bf16"), 4: ("f4",), 8: ("f8",)}
"""Dtypes that values plausibly have, by the size of an item in bytes."""


@dataclass(frozen=True)
class Asked:
    """The words of the command line that a printed command repeats.

    `options` are those options of a scan that `show` and `rebuild` accept too, `of_scan` those that only `scan`
    accepts. `sample` is the one that a rebuild does not accept. `config` says which configuration was used, or that
    none was. `encoding` is that of the terminal: characters that it lacks are printed as shell escapes.
    """

    options: tuple[str, ...] = ()
    of_scan: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    encoding: str = "utf-8"


def advice(report: Report, written: Sequence[str | Path], asked: Asked = Asked()) -> str | None:
    """Return the lines that say where the full report is and what to run next, or None if there are none."""
    lines = [
        *_findings(report, written, asked),
        *_commands(report, written, asked),
        *_where_nan_is_frequent(report, asked.encoding),
        *_to_decide(report, asked.encoding),
    ]
    return "\n".join(lines) or None


def _findings(report: Report, written: Sequence[str | Path], asked: Asked) -> Iterator[str]:
    """Say where all findings are, unless all were printed."""
    findings = len(report.findings)
    label = f"all {counted(findings, 'finding')}"
    pages = [shell(str(file), asked.encoding) for file in written if Path(file).suffix == PAGE]
    others = [shell(str(file), asked.encoding) for file in written if Path(file).suffix != PAGE]
    if pages:
        yield f"to look at: {', '.join(pages)}"
    if findings and others:
        yield f"{label}: {', '.join(others)}"
    elif only_compared(report):
        return
    elif findings > ALL_PRINTED or (findings and (report.layer is not None or _has_alongside_findings(report))):
        # the suggested copy is then based on that report
        options = (*asked.options, *asked.of_scan, *asked.sample, *asked.config, "--report", "report.json")
        sources = () if report.layer is not None else tuple(report.paired_with) or (report.source.path,)
        options = ("--paired", *options) if report.paired_with else options
        net = () if report.layer is None else ("--net", report.layer.solver or report.layer.net)
        yield f"{label}: {command('scan', (*options, *net), sources, asked.encoding)}"


def _commands(report: Report, written: Sequence[str | Path], asked: Asked) -> Iterator[str]:
    """Yield the commands that show one of the offending records, and that make a copy without any of them.

    A comparison looks for no bad records; its copy is without the leaks and duplicates.
    """
    row = BACKENDS.get(report.source.backend)
    if row is None or (report.layer is not None and not report.tally.records):
        return
    verdicts = ("bad", "suspicious") if report.settings.strict else ("bad",)
    offending = (it for it in report.findings if it.key is not None and it.verdict in verdicts)
    shown = next((it for it in offending if it.code != GONE), None)
    if shown is not None:
        yield from _look_at(shown, report, asked)
    if only_compared(report):
        verdicts = ("suspicious",)
        shown = next((it for it in report.findings if it.code in RECURRING), None)
        if shown is None:
            return
    if row.copier and _is_worth_copying(report, shown, verdicts):
        yield from _copy(report, verdicts, written, asked)


def _look_at(finding: Finding, report: Report, asked: Asked) -> Iterator[str]:
    """Yield the command that shows the record of a finding, or the first bad one if its name is too long to type."""
    name, path = finding.name or "", report.source.path
    short = len(name) <= LONGEST_NAME
    if not short and finding.verdict != "bad":
        return
    options = (*asked.options, *_layer_options(report, asked), *asked.sample, *asked.config)
    options, place = (options, (path, name)) if short else (("--bad", "1", *options), (path,))
    yield f"look at one: {command('show', options, place, asked.encoding)}"


def _copy(report: Report, verdicts: Collection[str], written: Sequence[str | Path], asked: Asked) -> Iterator[str]:
    """Yield the command that makes a copy without the offending records, or why there is none."""
    target = _path_beside(report.source.path)
    if target is None:
        return
    stays = next((it for name in report.follows if (it := CONVENTIONS[name].stays)), None)
    if stays is not None:
        yield f"no copy without them: {stays}; rebuild --fill VALUE replaces NaN and infinity"
        return
    report_option = _report_option(report, written)
    if only_compared(report) and (not report_option or not any(Path(it).suffix in READABLE for it in written)):
        return
    into_kind = kind_of_copy(report.source.backend)
    to = () if into_kind == report.source.backend else ("--to", into_kind)
    options = (*_what_to_drop(report, verdicts), *to, *asked.options, *_layer_options(report, asked))
    if report.paired_with:
        folder = _path_beside(str(Path(report.paired_with[0]).parent / "paired"))
        if folder is not None:
            words, stores = ("--paired", *options, *asked.config), (*report.paired_with, folder)
            yield f"clean copies of all {len(report.paired_with)}: {command('rebuild', words, stores, asked.encoding)}"
        return
    databases = _parted_databases(report)
    one_kind = ("--backend", report.source.backend) if _is_among_others(report) else ()
    words = (*options, *one_kind, *asked.config, *report_option, *(("--keep-numbers",) if databases else ()))
    label = "a copy without them" if only_compared(report) else "a clean copy"
    yield f"{label}: {command('rebuild', words, (report.source.path, target), asked.encoding)}"
    if databases:
        names = " and ".join(map(plain, databases))
        yield f"which has gaps, since {names} have the same numbers: --renumber closes them up in each"


def _what_to_drop(report: Report, verdicts: Collection[str]) -> Iterator[str]:
    """Yield the options that drop the offending records; a comparison does not look for bad ones."""
    if only_compared(report):
        yield from (word for code in RECURRING if report.counts.get(code) for word in ("--drop", code))
        return
    yield "--drop-bad"
    if _is_found(report, "suspicious", verdicts):
        yield from ("--drop", "suspicious")


def _parted_databases(report: Report) -> tuple[str, ...]:
    """Return the names of two databases with equal numbers, about which a rebuild asks; empty if there are none."""
    if len(report.keeps) < 2:
        return ()
    bad = (it for it in report.findings if it.verdict == "bad" and it.index is not None)
    losing = {it.database or "" for it in islice(bad, LOOKED_AT)}
    names = parted_pair(report.keeps, report.account, losing)
    return () if names is None else tuple(it or "the main database" for it in names)


def _has_alongside_findings(report: Report) -> bool:
    """Return whether there are findings that a rebuild, which scans the source itself, would not make."""
    return not ALONGSIDE.isdisjoint(report.counts)


def _is_among_others(report: Report) -> bool:
    """Return whether the source is all files of its kind in a folder that holds other sources too."""
    folder = report.source.folder
    return isinstance(folder, SearchedFolder) and folder.sources > 1 and folder.path == report.source.path


def _is_found(report: Report, verdict: str, verdicts: Collection[str]) -> bool:
    return verdict in verdicts and bool(report.tally.verdicts[verdict])


def _is_worth_copying(report: Report, offending: Finding | None, verdicts: Collection[str]) -> bool:
    """Return whether a copy without the offending records would be better than the source, and not empty."""
    if not report.complete or not report.checked:
        return False
    if any(it.unread for known in report.keeps.values() for it in known.conventions):
        return False  # a rebuild refuses this: what the list of keys should hold is unknown
    if offending is None:
        damaged = (it for it in report.findings if it.verdict in verdicts and it.code in DAMAGE)
        return report.layer is None and next(damaged, None) is not None
    if sum(report.tally.verdicts[it] for it in verdicts) < report.checked:
        return True
    return len({it.record for it in report.findings if it.key is not None and it.verdict in verdicts}) < report.checked


def _report_option(report: Report, written: Sequence[str | Path]) -> tuple[str, ...]:
    """Return the option that bases a rebuild on the written report, or nothing.

    What a network wants of its source is only in the report, so it is needed there. A report that leaves out known
    findings does not name every bad record and is not used.
    """
    if (
        report.settings.known is not None
        or report.partial
        or report.settings.sample is not None
        or report.source.fingerprint is None
    ):
        return ()
    by_format = sorted(written, key=lambda it: Path(it).suffix != JSON)
    file = next((str(file) for file in by_format if Path(file).suffix in READABLE), None)
    if file is None and (report.layer is not None or _has_alongside_findings(report)):
        file = "report.json"
    return () if file is None else ("--from-report", file)


def _layer_options(report: Report, asked: Asked) -> Iterator[str]:
    """Yield the options for the source that follow from the network whose layer reads it."""
    if report.layer is None:
        return
    settings = report.settings
    if settings.labels is not None and "--labels" not in asked.options:
        yield from ("--labels", format_bounds(settings.labels))
    if settings.label_field is not None and "--label-field" not in asked.options:
        yield from ("--label-field", settings.label_field)
    if settings.decoder is not None and "--decoder" not in asked.options:
        yield from ("--decoder", settings.decoder)


def _array_options(report: Report, encoding: str) -> Iterator[str]:
    """Yield lines that say how families that nothing decodes, with values of one length, can be read as arrays."""
    families = [*report.profile.families.items(), *([] if report.profile.rest is None else [("", report.profile.rest)])]
    for name, family in families[:SUGGESTED]:
        if family.decoder != UNKNOWN or family.length is None or not report.tally.unknown[name]:
            continue
        fitting = [array_text(it) for it in fitting_arrays(family)]
        if fitting:
            first = shell(f"{name}={fitting[0]}" if name else fitting[0], encoding)
            others = f" (or {', '.join(fitting[1:])})" if fitting[1:] else ""
            size = f"{family.length.size:,} bytes"
            yield f"to decide: if {name or 'all values'} are arrays of {size}: --array {first}{others}"


def fitting_arrays(family: FamilyProfile) -> list[Array]:
    """Return the arrays that values could be, judging by their length, with a sized dtype each, likeliest first."""
    assert family.length is not None
    size, shape = family.length.size, family.array.shape if family.array is not None else None
    items = [size // prod(shape)] if shape is not None else [it for it in (4, 2, 8, 1) if size % it == 0 and size > it]
    return [Array(dtype, shape or (size // it,)) for it in items for dtype in SUGGESTED_DTYPES.get(it, ())]


def _where_nan_is_frequent(report: Report, encoding: str) -> Iterator[str]:
    """Yield lines that name the option for fields in which NaN may mean "missing"."""
    for field, share in islice(often_missing(report), SUGGESTED):
        option = f"--allow-nan {shell(plain(field), encoding)}"
        yield f"if NaN means missing in {field}, where {share:.0%} of all values are NaN: {option}"


def _to_decide(report: Report, encoding: str) -> Iterator[str]:
    """Yield lines that say what would decide what is undecided."""
    if report.tally.unknown:
        yield from _array_options(report, encoding)
    if report.status != 3:
        return
    if report.partial:
        yield "to decide: without --sample every record is checked"
    codes = dict.fromkeys(it.code for it in islice(report.findings, LOOKED_AT) if it.verdict == "unverifiable")
    starved = {it.code for it in islice(report.findings, LOOKED_AT) if OF_MEMORY.search(it.message)}
    denied = {it.code for it in islice(report.findings, LOOKED_AT) if it.message.endswith(DENIED)}
    for code in codes:
        ignores = report.complete or code not in ENDS_EARLY  # what was not reached stays undecided if it is ignored
        allow = MAY_READ if code in denied else None
        memory = MORE_MEMORY if code in starved else None
        ways = [
            *filter(None, [DECIDES.get(code), allow, memory]),
            *([f"--ignore {code} ignores it"] if ignores else []),
        ]
        if ways:
            yield f"to decide: {code}: {'; '.join(ways)}"
    if report.stopped:
        yield "to decide: allow more time (--max-time), or go on from run to run with --resume FILE.jsonl"
    elif not report.complete and ENDS_EARLY & (DECIDES.keys() | starved) & codes.keys() == set():
        yield "to decide: scan again; not every record was reached"


def format_bounds(bounds: Bounds) -> str:
    """Return bounds as the command line spells them.

    >>> format_bounds(Bounds(0, 9.5))
    '0:9.5'
    """
    low, high = ("" if end is None else format_number(end) for end in (bounds.low, bounds.high))
    return f"{low}:{high}"


def format_number(number: float) -> str:
    """Return a number in full, without a decimal point if it is whole and below 1e15."""
    return str(int(number)) if abs(number) < 1e15 and number == int(number) else repr(number)


def command(name: str, options: Sequence[str], arguments: Sequence[str], encoding: str = "utf-8") -> str:
    """Return a command for a shell; if an argument begins with a dash, all arguments follow two dashes.

    >>> command("show", ["--timeout", "5"], ["a b", "-1"])
    "datacheck show --timeout 5 -- 'a b' -1"
    """
    separator = ["--"] if any(it.startswith("-") for it in arguments) else []
    words = [*arguments, *options] if not separator else [*options, *separator, *arguments]
    return " ".join(["datacheck", name, *(shell(word, encoding) for word in words)])


def _path_beside(path: str) -> str | None:
    """Return a path for a clean copy beside a source where nothing exists yet.

    Return None for the root directory, which has nothing beside it, or if 999 such paths are taken.
    """
    source = Path(path)
    if source.name in ("", ".."):  # such a path does not contain the folder's name
        source = source.resolve()
    if not source.name:
        return None
    for number in range(1, 1000):
        again = "" if number == 1 else str(number)
        target = str(source.with_name(f"{source.stem}_clean{again}{source.suffix}"))
        if not os.path.lexists(target):
            return target
    return None


def shell(word: str, encoding: str = "utf-8") -> str:
    r"""Return a word quoted for a shell, with only printable characters that the encoding has.

    >>> print(shell("a b"), shell("a\tb"))
    'a b' "$(printf 'a\011b')"
    """
    if word.isprintable() and _can_encode(encoding, word):
        return shlex.quote(word)
    safe = frozenset(f"{ascii_letters}{digits}_+./:,=@ ".encode())  # no dash, which printf would take for an option
    raw = "".join(chr(byte) if byte in safe else f"\\{byte:03o}" for byte in os.fsencode(word))
    return f"\"$(printf '{raw}')\""


def _can_encode(encoding: str, word: str) -> bool:
    try:
        word.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
