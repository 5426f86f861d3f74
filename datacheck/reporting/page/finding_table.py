"""The table of all findings for the page's script: in columns, with each repeated text stored once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding
from datacheck.model.key_families import fold
from datacheck.reporting.page.words import cut, embedded, readable, size_embedded

MOST = 100_000
"""Maximum number of findings in a page."""
BYTES = 9 << 20
"""Maximum size of the findings in a page, in bytes: with the pictures, a page stays below 20 MB."""
NUMBERS = 44
"""Size of the numbers in a row, in bytes."""
AT_FIRST = 25
"""Number of findings that the page shows without its script."""
WHOLE = "(the store)"
Cell = int | str | None


@dataclass(frozen=True)
class Row:
    """A finding in words: `where` it is, in readable form, and `name`, as `show` takes it."""

    where: str
    name: str
    index: int | None
    field: str
    code: str
    verdict: str
    message: str
    source: str = ""


class _NumberedTexts:
    """Numbered texts, each stored once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self.size = 0

    def __call__(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
            self.size += size_embedded(text) + 1
        return number


@dataclass
class FindingTable:
    """Collects findings until there is no room; `count` counts all of them."""

    count: int = 0
    first: list[Row] = field(default_factory=list)
    shown: int = 0

    def __post_init__(self) -> None:
        self._columns: dict[str, list[Cell]] = {it: [] for it in ("k", "w", "i", "f", "c", "v", "a", "m", "s")}
        self._words = {it: _NumberedTexts() for it in ("f", "c", "v", "a", "m", "s")}
        self._size = 0
        self._source = ""

    def begin(self, source: str) -> None:
        """Set the source that the next findings are of."""
        self._source = source

    def take(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings unchanged, and collect them."""
        for finding in findings:
            self.count += 1
            if self.shown < MOST and self.size < BYTES:
                self._add(finding)
            yield finding

    def _add(self, finding: Finding) -> None:
        row = row_of(finding, self._source)
        self.shown += 1
        if len(self.first) < AT_FIRST:
            self.first.append(row)
        values = {"f": row.field, "c": row.code, "v": row.verdict, "a": _family(finding), "m": row.message}
        for name, text in {**values, "s": row.source}.items():
            self._columns[name].append(self._words[name](text))
        self._columns["k"].append(row.name)
        self._columns["w"].append(row.where if row.where != row.name else 0)
        self._columns["i"].append(row.index)
        self._size += size_embedded(row.name) + NUMBERS + (size_embedded(row.where) if row.where != row.name else 0)

    @property
    def size(self) -> int:
        """The approximate size on the page, in bytes."""
        return self._size + sum(it.size for it in self._words.values())

    @property
    def left_out(self) -> int:
        return self.count - self.shown

    @property
    def json(self) -> str:
        """The table as JSON for the script."""
        words = {name: it.texts for name, it in self._words.items()}
        return embedded({"rows": self._columns, "words": words})


def row_of(finding: Finding, source: str = "") -> Row:
    """Return a finding in words."""
    line = finding.details.get("line")
    name = finding.name
    if line is not None and finding.file:  # in a prototxt: a place, and a layer
        name = f"{finding.file}:{line}" + (f" {finding.key}" if finding.key else "")
    elif line is not None:
        name = f"line {line}"
    elif name is None:
        name = ": ".join(it for it in (finding.file, finding.database) if it) or WHOLE
    fix = finding.details.get("fix")
    message = finding.message if not isinstance(fix, str) else f"{finding.message} (fix: {fix})"
    name = cut(name)
    return Row(
        readable(name), name, finding.index, finding.field or "", finding.code, finding.verdict, cut(message), source
    )


def _family(finding: Finding) -> str:
    if finding.key is None:
        return ""
    family = readable(fold(unescape(finding.key)))
    return cut(family if not finding.database else f"{finding.database}:{family}", 120)
