"""The summary that a person reads in five seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datacheck.backends import title
from datacheck.checks.class_balance import balance_sentence
from datacheck.decoders import payload
from datacheck.model.codes import VERDICTS
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.profile import UNKNOWN, FamilyProfile
from datacheck.model.settings import LOOKED

if TYPE_CHECKING:
    from datacheck.reporting.report import Report


EXAMPLES = 3
"""Named examples of each code in the text summary, where not all are printed."""
ALL_PRINTED = 100
"""Of so many findings all are printed, where no report has them."""
NARROWEST = 60
"""Columns: in a terminal that has fewer, lines are as wide all the same."""
MISSING_NAMED = 5
PLAIN = frozenset({"array", "list", "number"})
"""What parts of trees are where their shape and dtype say enough."""


def text(report: Report, *, every: bool = False, width: int | None = None) -> str:
    """Return the summary that a person reads in five seconds: what it is, what is wrong, what to do next.

    With `every`, all findings are in it, if they are not too many. Their lines are cut at a `width`.
    """
    config = report.settings.config
    said = [] if config is None else [config.sentence]
    said += [LOOKED[report.settings.eyes]] if report.settings.eyes in LOOKED else []
    most = ALL_PRINTED if every and len(report.findings) <= ALL_PRINTED else EXAMPLES
    lines = [*_layer(report), headline(report), *said, verdict_line(report), *_examples(report, most, width)]
    if report.balance is not None:
        lines.append(f"  {balance_sentence(report.balance)}")
    lines += _missing(report)
    return "\n".join(lines)


def _missing(report: Report) -> Iterator[str]:
    """Yield a sentence on the values that the store declares to be missing."""
    its = {name: it.missing for name, it in report.statistics.items() if it.missing}
    if its:
        named = ", ".join(f"{count:,} of {plain(name)}" for name, count in list(its.items())[:MISSING_NAMED])
        more = f" and of {len(its) - MISSING_NAMED:,} more fields" if len(its) > MISSING_NAMED else ""
        yield f"  missing values, as the store declares them: {named}{more}"


def headline(report: Report) -> str:
    source = report.source
    what = f" of {contents(report)}" if contents(report) else ""
    size = "" if source.bytes is None else f", {amount(source.bytes)}"
    checked = f"{report.checked:,} of " if report.settings.sample else ""
    rate = f" ({report.checked / report.seconds:,.0f} records/s)" if report.seconds and report.checked else ""
    records = f"{checked}{counted(source.records or 0, 'record')}{_samples(report)}{size}"
    time = f"{report.seconds:.1f} s{rate}"
    return f"{plain(source.path)}: {title(source.backend)}{what}, {records}, {time}{ignored(report)}"


def ignored(report: Report) -> str:
    """Say what was found and does not count, for the end of a line; nothing where nothing is to be ignored."""
    rules = report.settings.ignore
    if not rules:
        return ""
    found = report.tally.ignored
    said = [f"{found[code]:,} {code}" for code in sorted(found)]
    return f"; ignoring {plain(', '.join(rules))} ({', '.join(said) if said else 'none found'})"


def _samples(report: Report) -> str:
    """Say how many samples the records are, where several are one, and which conventions the store keeps."""
    names = [it.name for it in report.conventions if it.name]
    samples = "" if report.groups is None else f" in {counted(report.groups, 'sample')}"
    return samples + (f" (convention {', '.join(names)})" if names else "")


def contents(report: Report) -> str:
    """Say what most records are, in a few words: the first field of the largest family."""
    families = [
        it
        for it in report.profile.every
        if it.fields or it.columns or (it.decoder != UNKNOWN and payload(it.decoder).walked)
    ]
    if not families:
        return ""
    family = max(families, key=lambda family: (not payload(family.decoder).beside, family.sampled))
    column = _main_column(family)
    if column is not None:
        return plain(f"rows with {column}: {_words(report, family.columns[column])}")
    return _words(report, family)


def _main_column(family: FamilyProfile) -> str | None:
    """Return the column of a table that says most of what its rows are, where that is none of numbers."""
    known = {name: it for name, it in family.columns.items() if it.decoder not in (UNKNOWN, "rows")}
    payloads = [name for name, it in known.items() if not payload(it.decoder).beside]
    return next(iter(payloads), None if family.fields else next(iter(known), None))


def _words(report: Report, family: FamilyProfile) -> str:
    """Say what the records of a family are."""
    if not family.fields:
        return "rows" if family.decoder == "rows" else payload(family.decoder).title
    name = _main_field(family)
    field = family.fields[name]
    shape = "of several sizes" if field.shape is None else "x".join(map(str, field.shape))
    kind = payload(family.decoder).title.format(field=name)
    if report.source.backend == "image-list":  # there the Datum is made on the way
        kind = "pictures"
    if field.shape == (0,):  # a text, or bytes: there is no number in it
        return plain(f"{kind} {field.format}".strip())
    form = "" if field.format in PLAIN else field.format
    return plain(" ".join(word for word in (kind, form, shape, field.dtype) if word))


def _main_field(family: FamilyProfile) -> str:
    """Return the name of the field that says most of what the records are: of a tree, the largest that most have."""
    fields = family.fields
    if "data" in fields or family.decoder == "rows":
        return "data" if "data" in fields else next(iter(fields))

    def weight(name: str) -> tuple[bool, float]:
        shape = fields[name].shape
        return fields[name].share > 0.5, math.inf if shape is None else math.prod(shape)

    return max(fields, key=weight)


def totals(reports: Sequence[Report], not_opened: int = 0) -> str:
    """Return the line that ends the summaries of several sources: how many are clean, and all their records."""
    states = [
        (sum(report.clean for report in reports), "clean"),
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
    said = ", ".join(f"{count:,} {word}" for count, word in states if count)
    records = counted(sum(report.checked for report in reports), "record")
    wrong = ", ".join(f"{count:,} {word}" for count, word in counts if count) or "nothing wrong"
    return f"{counted(len(reports) + not_opened, 'source')}: {said}; {records} checked: {wrong}"


def _layer(report: Report) -> Iterator[str]:
    """Say which layer of a network reads the source, if one does."""
    layer = report.layer
    if layer is None:
        return
    classes = f", {layer.classes} classes of {layer.classifier}" if layer.classes is not None else ""
    yield plain(
        f"{layer.net}:{layer.line}: layer {layer.name} ({layer.type}, {' and '.join(layer.phases)}), "
        f"tops {', '.join(layer.tops)}, batches of {layer.batch_size}{classes}"
    )
    if layer.beside:
        yield "(found beside the prototxt; Caffe looks for it from where the training is started)"


def verdict_line(report: Report) -> str:
    counts = [
        (report.bad, "bad"),
        (report.unverifiable, "unverifiable"),
        (report.suspicious, "suspicious"),
    ]
    said = ", ".join(f"{count:,} {word}" for count, word in counts if count) or "nothing wrong"
    if report.interrupted:
        return f"INTERRUPTED{_so_far(report)}: {said} so far"
    state = {0: "clean", 1: "NOT CLEAN", 3: "UNDECIDED"}[report.status]
    if report.partial:
        said += f" in the {report.checked:,} of {counted(report.tally.records, 'record')} looked at"
    tolerated = f" ({report.settings.max_bad} bad tolerated)" if report.settings.max_bad and report.bad else ""
    incomplete = "" if report.complete else "; INCOMPLETE: not every record was reached"
    return f"{state}: {said}{tolerated}{incomplete}"


def _so_far(report: Report) -> str:
    """Say how far a scan came that was interrupted."""
    done, total = report.tally.records, report.expected
    if total is None or total < done:
        return f" after {counted(done, 'record')}"
    share = f" ({100 * done // total} %)" if total else ""
    return f" after {done:,} of {counted(total, 'record')}{share}"


def _examples(report: Report, most: int, width: int | None) -> Iterator[str]:
    """Yield for each code how often it was found and the first few findings; reads no more findings than it needs."""
    shown: dict[tuple[str, str], list[Finding]] = {}
    wanted = sum(min(count, most) for count in report.counts.values())
    for finding in report.findings:
        examples = shown.setdefault((finding.verdict, finding.code), [])
        if len(examples) < most:
            examples.append(finding)
            wanted -= 1
            if not wanted:
                break
    order = sorted(shown, key=lambda it: (VERDICTS.index(it[0]), -report.counts[it[1]], it[1]))
    for verdict, code in order:
        examples = shown[verdict, code]
        count = report.counts[code] if most == EXAMPLES else len(examples)
        yield f"  {code} ({verdict}): {count:,}"
        said = None
        for finding in examples:
            named = finding.key is None and bool(finding.file) and finding.message.startswith(f"{finding.file}: ")
            yield _cut(f"    {'' if named else _name(finding)}{finding.message}", width)
            if finding.details.get("caffe") != said:
                said = finding.details["caffe"]
                yield f"      Caffe {said}"
        if code == "internal-error":
            yield "    please report this, with the traceback that --report FILE.json has in its details"
        more = count - len(examples)
        if more > 0:
            yield f"    and {more:,} more"


def _name(finding: Finding) -> str:
    """Return what a finding is about, ready to stand before its message; nothing for the store as a whole."""
    whose = "" if finding.key is not None else "".join(f"{it}: " for it in (finding.file, finding.database) if it)
    key = "" if finding.name is None else f"{finding.name}  "
    field = "" if finding.field is None else f"{finding.field}: "
    return f"{whose}{key}{field}"


def _cut(line: str, width: int | None) -> str:
    most = len(line) if width is None else max(NARROWEST, width)
    return line if len(line) <= most else line[: most - 3] + "..."


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def amount(size: int) -> str:
    """Return a number of bytes as a person reads it."""
    number = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
