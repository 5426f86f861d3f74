"""The summary that a person reads in five seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datacheck.backends import title
from datacheck.checks.class_balance import balance_sentence
from datacheck.decoders import payload
from datacheck.model.codes import VERDICTS
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.profile import UNKNOWN, FamilyProfile

if TYPE_CHECKING:
    from datacheck.reporting.report import Report


EXAMPLES = 3
"""Named examples of each code in the text summary."""
MESSAGE_WIDTH = 100
PLAIN = frozenset({"array", "list", "number"})
"""What parts of trees are where their shape and dtype say enough."""


def text(report: Report) -> str:
    """Return the summary that a person reads in five seconds: what it is, what is wrong, what to do next."""
    config = report.settings.config
    said = [] if config is None else [config.sentence]
    lines = [*_layer(report), _headline(report), *said, _verdict(report), *_examples(report)]
    if report.balance is not None:
        lines.append(f"  {balance_sentence(report.balance)}")
    return "\n".join(lines)


def _headline(report: Report) -> str:
    source = report.source
    what = f" of {_contents(report)}" if _contents(report) else ""
    size = "" if source.bytes is None else f", {amount(source.bytes)}"
    checked = f"{report.checked:,} of " if report.settings.sample else ""
    rate = f" ({report.checked / report.seconds:,.0f} records/s)" if report.seconds and report.checked else ""
    return (
        f"{plain(source.path)}: {title(source.backend)}{what}, {checked}"
        f"{counted(source.records or 0, 'record')}{size}, {report.seconds:.1f} s{rate}"
    )


def _contents(report: Report) -> str:
    """Say what most records are, in a few words: the first field of the largest family."""
    families = [*report.profile.families.values(), *([report.profile.rest] if report.profile.rest else [])]
    families = [it for it in families if it.fields or (it.decoder != UNKNOWN and payload(it.decoder).walked)]
    if not families:
        return ""
    family = max(families, key=lambda family: family.sampled)
    if not family.fields:
        return payload(family.decoder).title
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


def _verdict(report: Report) -> str:
    counts = [
        (report.bad, "bad"),
        (report.unverifiable, "unverifiable"),
        (report.suspicious, "suspicious"),
    ]
    said = ", ".join(f"{count:,} {word}" for count, word in counts if count) or "nothing wrong"
    state = {0: "clean", 1: "NOT CLEAN", 3: "UNDECIDED"}[report.status]
    tolerated = f" ({report.settings.max_bad} bad tolerated)" if report.settings.max_bad and report.bad else ""
    incomplete = "" if report.complete else "; INCOMPLETE: not every record was reached"
    return f"{state}: {said}{tolerated}{incomplete}"


def _examples(report: Report) -> Iterator[str]:
    """Yield for each code how often it was found and the first few findings; reads no more findings than it needs."""
    shown: dict[tuple[str, str], list[Finding]] = {}
    wanted = sum(min(count, EXAMPLES) for count in report.counts.values())
    for finding in report.findings:
        examples = shown.setdefault((finding.verdict, finding.code), [])
        if len(examples) < EXAMPLES:
            examples.append(finding)
            wanted -= 1
            if not wanted:
                break
    order = sorted(shown, key=lambda it: (VERDICTS.index(it[0]), -report.counts[it[1]], it[1]))
    for verdict, code in order:
        examples = shown[verdict, code]
        yield f"  {code} ({verdict}): {report.counts[code]:,}"
        said = None
        for finding in examples:
            yield f"    {_name(finding)}{_cut(finding.message)}"
            if finding.details.get("caffe") != said:
                said = finding.details["caffe"]
                yield f"      Caffe {said}"
        if code == "internal-error":
            yield "    please report this, with the traceback that --report FILE.json has in its details"
        more = report.counts[code] - len(examples)
        if more > 0:
            yield f"    and {more:,} more"


def _name(finding: Finding) -> str:
    """Return what a finding is about, ready to stand before its message; nothing for the store as a whole."""
    whose = "".join(f"{part}: " for part in (finding.file, finding.database) if part)
    key = "" if finding.key is None else f"{finding.key}  "
    field = "" if finding.field is None else f"{finding.field}: "
    return f"{whose}{key}{field}"


def _cut(message: str) -> str:
    return message if len(message) <= MESSAGE_WIDTH else message[: MESSAGE_WIDTH - 3] + "..."


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
