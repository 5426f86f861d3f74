"""Collect what is reported once for a whole store: labels in one run each, fields with one value only.

All of it adds up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.checks.class_balance import Labels, expected_if_sorted
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.model.profile import Profile
    from datacheck.model.settings import Settings


_END = re.compile(r"after the end of [^,:]*")
MOST_RUNS = 10_000
"""Labels with more different values than this are not classes."""
NAMED = 5


class LabelRuns(msgspec.Struct):
    """The labels of records in order, as long as each label comes in one run: the number of records of each run.

    `counts` is None once a label occurs again, as it soon does among shuffled records, or there are too many labels.
    """

    counts: dict[int, int] | None = msgspec.field(default_factory=dict)

    def take(self, labels: NDArray[Any]) -> None:
        """Add the next labels."""
        import numpy as np

        if self.counts is None or not labels.size:
            return
        starts = np.concatenate([[0], np.flatnonzero(labels[1:] != labels[:-1]) + 1])
        sizes = np.diff(starts, append=labels.size)
        for label, size in zip(labels[starts].tolist(), sizes.tolist(), strict=True):
            self._follow(label, size)
            if self.counts is None:
                return

    def _follow(self, label: int, size: int) -> None:
        assert self.counts is not None
        if label in self.counts and label != next(reversed(self.counts)):
            self.counts = None
            return
        self.counts[label] = self.counts.get(label, 0) + size
        if len(self.counts) > MOST_RUNS:
            self.counts = None

    def __iadd__(self, other: LabelRuns) -> LabelRuns:
        """Add the runs of the records that follow."""
        if self.counts is None or other.counts is None:
            self.counts = None
            return self
        for label, size in other.counts.items():
            self._follow(label, size)
            if self.counts is None:
                break
        return self


class WholeStore(msgspec.Struct):
    """What adds up over the records of a store; `runs` by table or database, `constants` and `records` by field.

    `constants` counts records with one value only, and only in fields for which the profile says that most records are
    so; `records` counts all records of those fields. `labelled` counts labels. `trailing` counts records with bytes
    after the end of their payload, by the field and the end, in families of which nearly all records have such bytes.
    """

    runs: dict[str, LabelRuns] = msgspec.field(default_factory=dict)
    constants: Counter[str] = msgspec.field(default_factory=Counter)
    records: Counter[str] = msgspec.field(default_factory=Counter)
    labelled: int = 0
    trailing: Counter[str] = msgspec.field(default_factory=Counter)

    def in_runs(self, part: str) -> bool:
        """Check whether all labels of a part of the store have come in one run each so far."""
        return part not in self.runs or self.runs[part].counts is not None

    def take_labels(self, part: str, labels: Labels) -> None:
        """Add the next labels of a part of the store."""
        import numpy as np

        self.runs.setdefault(part, LabelRuns()).take(np.frombuffer(labels[1], labels[0]))

    def __iadd__(self, other: WholeStore) -> WholeStore:
        """Add what was collected about the records that follow."""
        for part, runs in other.runs.items():
            if part in self.runs:
                self.runs[part] += runs
            else:
                self.runs[part] = runs
        self.constants += other.constants
        self.records += other.records
        self.labelled += other.labelled
        self.trailing += other.trailing
        return self

    def sorted_parts(self) -> Iterator[Finding]:
        """Yield a finding for each part of the store whose records are sorted by label."""
        for part, runs in sorted(self.runs.items()):
            counts = list((runs.counts or {}).values())
            mean = expected_if_sorted(counts, len(counts) - 1)
            if len(counts) > 1 and mean is not None:
                where = f"the records of {part} are" if part else "the records are"
                yield found(
                    "sorted",
                    f"{where} sorted by label: those of each of the {len(counts)} labels follow each other",
                    found=len(counts) - 1,
                    expected=round(mean, 1),
                )

    def constant_fields(self) -> Iterator[Finding]:
        """Yield a finding for each field that has one value only in most records."""
        for name, count in sorted(self.constants.items()):
            records = self.records[name]
            has = "has" if count == 1 else "have"
            text = f"{count:,} of {records:,} records {has} one value only: normalising them divides by zero"
            yield found("constant", text, field=name, count=count, records=records)

    def took(self, finding: Finding) -> bool:
        """Return whether a finding is about bytes after the end of a payload, and count it if so."""
        if finding.code != "trailing-data":
            return False
        end = _END.search(finding.message)
        self.trailing[f"{finding.field or ''}\n{end[0] if end else 'after the end'}"] += 1
        return True

    def trailing_data(self) -> Iterator[Finding]:
        """Yield a finding for the bytes after each kind of payload of which nearly all records have some."""
        for name, count in sorted(self.trailing.items()):
            field, _, end = name.partition("\n")
            text = f"{counted(count, 'record has', 'records have')} bytes {end}, as nearly all of them do"
            yield found("trailing-data", text, field=field or None, count=count)

    def missing_labels(self, profile: Profile, settings: Settings) -> Iterator[Finding]:
        """Yield the finding about a store without a field recognised as a label, although `--labels` was given."""
        if settings.labels is None or "label" not in settings.checks or settings.config is not None or self.labelled:
            return
        names = list(dict.fromkeys(name for family in profile.every for name in family.fields))
        hint = f"; the fields are {', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''}" if names else ""
        text = f"no field was recognised as a label, so --labels checked nothing{hint}"
        yield found("label", text, verdict="unverifiable")


def odd_keys(profile: Profile, *, differ: bool) -> Iterator[Finding]:
    """Yield a finding if every key is the printed form of bytes (b'...'), or ends with the NUL of a C string.

    If some keys are known to end otherwise (`differ`), that is reported elsewhere. Names of families are escaped: a
    backslash in one begins an unprintable byte. If most keys are in no family, such as binary numbers, nothing is
    found, because they may end in any byte.
    """
    if profile.rest is not None and profile.rest.sampled > sum(it.sampled for it in profile.families.values()):
        return
    for form, predicate in _ODD_KEYS:
        names = [form.fullmatch(name) for name in profile.families]
        first = next(iter(names), None)
        if first is not None and all(names) and not differ:
            text = f"every key {predicate}, as in {first[0]}: a loader that asks for {first['meant']} finds nothing"
            yield found("odd-text", text, verdict="suspicious")


_ODD_KEYS = (
    (re.compile(r"b(['\"])(?P<meant>.*)\1"), "is written as Python prints bytes"),
    (re.compile(r"(?P<meant>[^\\]*[A-Za-z][^\\]*#[^\\]*)\\x00"), "ends with a NUL byte"),
)


def beyond_half(profile: Profile, side: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each field of which most records have values beyond float16.

    Families with a decoder of `side`, such as numbers as text beside pictures, are no inputs of a network.
    """
    families = [it for it in profile.every if it.forced or it.decoder not in side]
    large = [(name, it.share) for family in families for name, it in family.fields.items() if it.large]
    shares: dict[str, float] = {}
    for name, share in sorted(large):
        shares[name] = max(share, shares.get(name, 0))
    for name, share in shares.items():
        records = "most records" if share > 0.5 else "most of the records with this field"
        yield found("half-overflow", f"{records} have values beyond float16: infinite in mixed precision", field=name)


def misplaced_axes(profile: Profile, shape: Sequence[int] | None) -> Iterator[Finding]:
    """Yield a finding for each field whose records are height x width x channels, unless that `shape` was requested."""
    reported = set()
    for family in profile.every:
        for name, it in family.fields.items():
            if not it.axis_order or it.shape is None or tuple(it.shape) == shape or (name, it.shape) in reported:
                continue
            reported.add((name, it.shape))
            dimensions = " x ".join(map(str, it.shape))
            text = f"records of {dimensions} look like height x width x channels, where channels come first"
            yield found("axis-order", text, field=name, found=list(it.shape))
