"""The table of all findings, as the page's script takes it: in columns, what repeats said once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding
from datacheck.model.key_families import fold
from datacheck.reporting.page.words import cut, embedded, readable, size_embedded

MOST = 100_000
"""So many findings are in a page at most."""
BYTES = 9 << 20
"""So many bytes of them: with the pictures, a page stays below 20 MB."""
NUMBERS = 44
"""So many bytes the numbers of a row take."""
AT_FIRST = 25
"""So many are in the page without its script."""
WHOLE = "(the store)"
Cell = int | str | None


@dataclass(frozen=True)
class Row:
    """A finding in words: `where` it is as people read it, `name` as `show` takes it."""

    where: str
    name: str
    index: int | None
    field: str
    code: str
    verdict: str
    message: str
    source: str = ""


class _Words:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._at: dict[str, int] = {}
        self.size = 0

    def __call__(self, text: str) -> int:
        at = self._at.get(text)
        if at is None:
            at = self._at[text] = len(self.texts)
            self.texts.append(text)
            self.size += size_embedded(text) + 1
        return at


@dataclass
class FindingTable:
    """Takes findings until there is no room; `count` is of all of them."""

    count: int = 0
    first: list[Row] = field(default_factory=list)
    shown: int = 0

    def __post_init__(self) -> None:
        self._columns: dict[str, list[Cell]] = {it: [] for it in ("k", "w", "i", "f", "c", "v", "a", "m", "s")}
        self._words = {it: _Words() for it in ("f", "c", "v", "a", "m", "s")}
        self._size = 0
        self._source = ""

    def begin(self, source: str) -> None:
        """Say which source the next findings are of."""
        self._source = source

    def take(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield findings on, and take them in."""
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
        """How many bytes it has on the page, about."""
        return self._size + sum(it.size for it in self._words.values())

    @property
    def left_out(self) -> int:
        return self.count - self.shown

    @property
    def json(self) -> str:
        """The table as the script takes it."""
        words = {name: it.texts for name, it in self._words.items()}
        return embedded({"rows": self._columns, "words": words})


def row_of(finding: Finding, source: str = "") -> Row:
    """Return a finding in words."""
    line = finding.details.get("line")
    name = finding.name
    if line is not None and finding.file:  # of a prototxt: a place, and a layer
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
