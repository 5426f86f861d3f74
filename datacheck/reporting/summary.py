"""Summarise a report in text that a person reads in five seconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from datacheck.backends import title
from datacheck.checks.class_balance import balance_sentence
from datacheck.model.codes import VERDICTS
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.listing import and_more, counted
from datacheck.model.profile import UNKNOWN, FamilyProfile
from datacheck.model.settings import LOOKED, UNWALKED
from datacheck.reporting.compared import only_compared
from datacheck.reporting.finding_sequence import cut
from datacheck.reporting.payloads import payload_row

if TYPE_CHECKING:
    from datacheck.reporting.report import Report


EXAMPLES = 3
"""Maximum number of findings shown of each code in the text summary, if not all are printed."""
ALL_PRINTED = 100
"""Maximum number of findings that are all printed, if they are in no report file."""
NARROWEST = 60
"""Minimum width at which lines are cut, in columns, even if the terminal is narrower."""
SPELLED = {"decoders": "decoder", "conventions": "convention"}
"""Options whose name differs from that of their setting."""
CLEAN = "clean"
MISSING_NAMED = 5
DATABASES_NAMED = 3
PLAIN = frozenset({"array", "list", "number"})
"""Formats of parts of trees for which shape and dtype say enough."""


def text(report: Report, *, every: bool = False, width: int | None = None) -> str:
    """Return the summary that a person reads in five seconds: what was scanned, and what is wrong with it.

    With `every`, it has all findings, if they are not too many. Their lines are cut at a `width` in columns.
    """
    config = report.settings.config
    notes = [] if config is None else [config.sentence]
    notes += [LOOKED[report.settings.eyes]] if report.settings.eyes in LOOKED else []
    notes += [f"{UNWALKED}: {plain(report.unwalked)}"] if report.unwalked else []
    limit = ALL_PRINTED if every and len(report.findings) <= ALL_PRINTED else EXAMPLES
    lines = [*_layer(report), headline(report), *notes, verdict_line(report), *_examples(report, limit, width)]
    if report.balance is not None:
        lines.append(f"  {balance_sentence(report.balance)}")
    if report.checksums is not None:
        lines.append(f"  {plain(report.checksums.path)}: {plain(report.checksums.sentence)}")
    if report.comparison is not None:
        lines += (f"  {plain(line)}" for line in report.comparison.sentences())
    lines += _missing(report)
    lines += _gone(report)
    if report.partial and report.conventions:
        names = ", ".join(it.name or "its numbers" for it in report.conventions)
        lines.append(f"  not judged, since that needs every record: what it keeps beside them ({names})")
    return "\n".join(lines)


def _missing(report: Report) -> Iterator[str]:
    """Yield a line about the values that the store declares to be missing."""
    counts = {name: it.missing for name, it in report.statistics.items() if it.missing}
    if counts:
        named = ", ".join(f"{count:,} of {plain(name)}" for name, count in list(counts.items())[:MISSING_NAMED])
        more = f" and of {counted(len(counts) - MISSING_NAMED, 'more field')}" if len(counts) > MISSING_NAMED else ""
        yield f"  missing values, as the store marks them: {named}{more}"


def headline(report: Report) -> str:
    source = report.source
    what = f" of {words}" if (words := contents(report)) else ""
    size = "" if source.bytes is None else f", {amount(source.bytes)}"
    checked = f"{report.checked:,} of " if report.settings.sample else ""
    all_scanned = not (report.unchanged or report.by_file.reused)
    read = report.checked if report.seconds and all_scanned else 0
    rate = f" ({read / report.seconds:,.0f} records/s)" if read else ""
    records = f"{checked}{counted(source.records or 0, 'record')}{_samples(report)}{size}"
    time = f"{report.seconds:.1f} s{rate}"
    return f"{plain(source.path)}: {title(source.backend)}{what}, {records}, {time}{_headline_end(report)}"


def ignored(report: Report) -> str:
    """Return what was found and ignored, for the end of a line; empty if nothing is to be ignored."""
    rules = report.settings.ignore
    return f"; ignoring {plain(', '.join(rules))} ({_by_code(report.tally.ignored)})" if rules else ""


def _by_code(found: Mapping[str, int]) -> str:
    return ", ".join(f"{found[code]:,} {code}" for code in sorted(found)) or "none found"


def _headline_end(report: Report) -> str:
    """Return the end of a headline: what was left out, and which earlier reports were used."""
    return ignored(report) + _known(report) + _earlier(report)


def _earlier(report: Report) -> str:
    """Return what the source was compared with, and whether results come from an earlier report."""
    clauses = [f"held to {plain(report.like)}"] if report.like else []
    clauses += [f"unchanged: answered from {plain(report.unchanged)}"] if report.unchanged else []
    clauses += [plain(report.by_file.reused.sentence)] if report.by_file.reused else []
    clauses += [plain(report.scanned_anew)] if report.scanned_anew else []
    return "".join(f"; {it}" for it in clauses)


def _known(report: Report) -> str:
    """Return what an earlier report has already, for the end of a line; empty if none was given."""
    again, earlier = report.found_again, report.known_before
    if again is None:
        return ""
    path = plain(again.report)
    if earlier is not None and not earlier.of_source:
        return f"; {path} has no findings of this source"
    settings = [] if earlier is None else earlier.changed_settings(report.settings)
    changed = ", ".join(f"--{SPELLED.get(it, it).replace('_', '-')}" for it in settings)
    note = f" (with another {changed}, so nothing is said to be gone)" if changed else ""
    return f"; known from {path}: {_by_code(again.still)}{note}"


def _gone(report: Report) -> Iterator[str]:
    """Yield lines about the findings that an earlier report has and this one does not."""
    again = report.found_again
    if again is None or not again.gone:
        return
    yield f"  gone since {plain(again.report)}: {counted(again.gone, 'finding')}"
    first = report.first_gone
    for it in first:
        field = "" if it.field is None else f"{it.field}: "
        place = (
            f"{it.name}  " if it.key is not None else "".join(f"{part}: " for part in (it.file, it.database) if part)
        )
        yield plain(f"    {it.code}: {place}{field}{it.message}")
    if again.gone > len(first):
        yield f"    and {again.gone - len(first):,} more"


def _samples(report: Report) -> str:
    """Return the number of samples if a sample is several records, and the conventions that the store keeps."""
    samples = "" if report.groups is None else f" in {counted(report.groups, 'sample')}"
    names = [f"{it}{_databases(report, it)}" for it in report.convention_names]
    joined = ("; " if any(" " in it for it in names) else ", ").join(names)
    return samples + (f" (convention {joined})" if names else "")


def _databases(report: Report, convention: str) -> str:
    """Return which databases keep a convention; empty if it is only the main one."""
    parts = [part for part, known in report.keeps.items() if any(it.name == convention for it in known.conventions)]
    if parts in ([], [""]):
        return ""
    shown = (part or "the main database" for part in parts[:DATABASES_NAMED])
    return f" in {plain(and_more(shown, len(parts)))}"


def contents(report: Report) -> str:
    """Return what most records are, in a few words: the main field or column of the largest family."""
    families = [
        it
        for it in report.profile.every
        if it.fields or it.columns or it.alone or (it.decoder != UNKNOWN and payload_row(it.decoder).walked)
    ]
    if not families or (families[0].alone and any(it.decoder == UNKNOWN for it in report.profile.every)):
        return ""  # what lies beside the texts is not known
    family = max(families, key=lambda family: (not payload_row(family.decoder).beside, family.sampled))
    column = _main_column(family)
    if column is not None:
        return plain(f"rows with {column}: {_family_text(report, family.columns[column])}")
    return _family_text(report, family)


def _main_column(family: FamilyProfile) -> str | None:
    """Return the column that says most about the rows of a table, or None if that is a column of numbers."""
    known = {name: it for name, it in family.columns.items() if it.decoder not in (UNKNOWN, "rows")}
    payloads = [name for name, it in known.items() if not payload_row(it.decoder).beside]
    return next(iter(payloads), None if family.fields else next(iter(known), None))


def _family_text(report: Report, family: FamilyProfile) -> str:
    """Return what the records of a family are, in a few words."""
    if not family.fields:
        return "rows" if family.decoder == "rows" else payload_row(family.decoder).title.format(field="data")
    name = _main_field(family)
    field = family.fields[name]
    shape = "of several sizes" if field.shape is None else "x".join(map(str, field.shape))
    kind = payload_row(family.decoder).title.format(field=name)
    if report.source.backend == "image-list":  # its Datum is only made while it is read
        kind = "pictures"
    if field.shape == (0,):  # a text, or bytes: there are no numbers in it
        return plain(f"{kind} {field.format}".strip())
    form = "" if field.format in PLAIN else field.format
    return plain(" ".join(word for word in (kind, form, shape, field.dtype) if word))


def _main_field(family: FamilyProfile) -> str:
    """Return the field that says most about the records; in a tree, the largest field that most records have."""
    fields = family.fields
    if "data" in fields or family.decoder == "rows":
        return "data" if "data" in fields else next(iter(fields))

    def weight(name: str) -> tuple[bool, float]:
        shape = fields[name].shape
        return fields[name].share > 0.5, math.inf if shape is None else math.prod(shape)

    return max(fields, key=weight)


def totals(reports: Sequence[Report], not_opened: int = 0) -> str:
    """Return the line after the summaries of several sources: how many are clean, and the totals of their records."""
    states = [
        (sum(report.clean and not only_compared(report) for report in reports), CLEAN),
        (sum(report.clean and only_compared(report) for report in reports), "compared"),
        (sum(report.status == 1 for report in reports), "NOT CLEAN"),
        (sum(report.status == 3 for report in reports), "UNDECIDED"),
        (sum(report.interrupted for report in reports), "INTERRUPTED"),
        (not_opened, "not scanned"),
    ]
    counts = [
        (sum(report.bad for report in reports), "bad"),
        (sum(report.unverifiable for report in reports), "unverifiable"),
        (sum(report.suspicious for report in reports), "suspicious"),
    ]
    outcomes = counts_text(states)
    records = counted(sum(report.checked for report in reports), "record")
    wrong = counts_text(counts) or "nothing wrong"
    return f"{counted(len(reports) + not_opened, 'source')}: {outcomes}; {records} checked: {wrong}"


def _layer(report: Report) -> Iterator[str]:
    """Yield lines about the layer of a network that reads the source, if one does."""
    layer = report.layer
    if layer is None:
        return
    classes = f", {layer.classes} classes of {layer.classifier}" if layer.classes is not None else ""
    yield plain(
        f"{layer.net}:{layer.line}: layer {layer.name} ({layer.type}, {' and '.join(layer.phases)}), "
        f"tops {', '.join(layer.tops)}, batches of {layer.batch_size}{classes}"
    )
    if layer.beside:
        yield "(found beside the prototxt; Caffe looks for it in the directory in which training is started)"


def verdict_line(report: Report) -> str:
    counts = [
        (report.bad, "bad"),
        (report.unverifiable, "unverifiable"),
        (report.suspicious, "suspicious"),
    ]
    nothing = "nothing new" if report.found_again is not None and report.found_again.still else "nothing wrong"
    summary = counts_text(counts) or nothing
    if report.interrupted:
        return f"INTERRUPTED{_progress_text(report)}: {summary} so far"
    state = {0: CLEAN, 1: "NOT CLEAN", 3: "UNDECIDED"}[report.status]
    if only_compared(report) and state == CLEAN:  # the records were not judged, so they may be anything
        state, summary = "compared", summary if summary != nothing else _nothing_alike(report)
    if report.partial:
        summary += f" in the {report.checked:,} of {counted(report.tally.records, 'record')} looked at"
    tolerated = f" ({report.settings.max_bad} bad tolerated)" if report.settings.max_bad and report.bad else ""
    incomplete = "" if report.complete else "; INCOMPLETE: not every record was reached"
    if report.stopped:
        incomplete = f"; STOPPED{_progress_text(report)}, since the time was over (--max-time)"
    return f"{state}: {summary}{tolerated}{incomplete}"


def _nothing_alike(report: Report) -> str:
    """Return what a comparison without findings says of a store; a record of two stores is a finding of the later."""
    shared = 0 if report.comparison is None else report.comparison.shared
    if not shared:
        return "no duplicates, no leaks, no drift"
    are, them = ("record is", "it") if shared == 1 else ("records are", "them")
    return f"no duplicates; {shared:,} {are} also in another store, which names {them}"


def _progress_text(report: Report) -> str:
    """Return how far an interrupted scan got."""
    done, total = report.tally.records, report.expected
    if total is None or total < done:
        return f" after {counted(done, 'record')}"
    share = f" ({100 * done // total} %)" if total else ""
    return f" after {done:,} of {counted(total, 'record')}{share}"


def _examples(report: Report, limit: int, width: int | None) -> Iterator[str]:
    """Yield, for each code, its count and its first few findings."""
    shown = _first_findings(report, limit)
    verdicts: dict[str, list[str]] = {}  # by code; the findings of one code are counted together
    for verdict, code in sorted(shown, key=lambda it: (VERDICTS.index(it[0]), -report.counts[it[1]], it[1])):
        verdicts.setdefault(code, []).append(verdict)
    for code, of_code in verdicts.items():
        examples = [finding for verdict in of_code for finding in shown[verdict, code]]
        count = report.counts[code] if limit == EXAMPLES else len(examples)
        yield f"  {code} ({', '.join(of_code)}): {count:,}"
        yield from _lines_of(examples, width)
        if code == "internal-error":
            yield "    please report this, with the traceback that --report FILE.json has in its details"
        more = count - len(examples)
        if more > 0:
            yield f"    and {more:,} more"


def _first_findings(report: Report, limit: int) -> dict[tuple[str, str], list[Finding]]:
    """Return the first findings by verdict and code; read no more findings than needed."""
    first: dict[tuple[str, str], list[Finding]] = {}
    wanted = Counter({code: min(count, limit) for code, count in report.counts.items()})
    for finding in report.findings:
        examples = first.setdefault((finding.verdict, finding.code), [])
        if len(examples) < limit:
            examples.append(finding)
            wanted[finding.code] -= 1
            if wanted[finding.code] <= 0 and max(wanted.values()) <= 0:
                break
    return first


def _lines_of(examples: Sequence[Finding], width: int | None) -> Iterator[str]:
    """Yield a line for each finding of a code, and what Caffe does with such records each time that it is another."""
    caffe = None
    for finding in examples:
        named = finding.key is None and bool(finding.file) and finding.message.startswith(f"{finding.file}: ")
        line = f"    {'' if named else _name(finding)}{finding.message}"
        yield line if width is None else cut(line, max(NARROWEST, width))
        says = finding.details.get("caffe")
        if says not in (None, caffe):
            caffe = says
            yield f"      Caffe {caffe}"


def _name(finding: Finding) -> str:
    """Return what a finding is about, to precede its message; empty for the store as a whole."""
    place = "" if finding.key is not None else "".join(f"{it}: " for it in (finding.file, finding.database) if it)
    key = "" if finding.name is None else f"{finding.name}  "
    field = "" if finding.field is None else f"{finding.field}: "
    return f"{place}{key}{field}"


def counts_text(counts: Iterable[tuple[int, str]]) -> str:
    """Return the counts that are not 0, each with its word; empty if all are 0."""
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)


def amount(size: int) -> str:
    """Return a number of bytes in readable form.

    >>> amount(999), amount(999_949), amount(999_950)
    ('999 bytes', '999.9 kB', '1.0 MB')
    """
    number = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if round(number, 1) < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
