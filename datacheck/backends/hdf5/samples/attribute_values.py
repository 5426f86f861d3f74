"""Find attributes of samples, such as a box or a score, that are NaN or infinite while nearly all others are finite.

An attribute that declares the value for missing data may be NaN, and so may one that is NaN in all samples.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.folders.file_families import FileShapes, families_of_files
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.names import DIGITS
from datacheck.backends.hdf5.paths import nearest
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape, plain, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.replacing import replace

FINITE, SHARE = 3, 2 / 3
"""Minimum number and share of attributes of one name that must be finite for the others to be reported."""
SURE, BESIDE_ONE = 0.95, 6
"""Share of finite attributes from which the others are bad, and number of finite ones from which a single other is bad.

Below both, the others are suspicious: they may be NaN by design, as is the time of success of a failed demonstration.
"""
MISSING = re.compile(rb".*(fill|missing|no_?data|valid_|range|null|default|nan|invalid).*", re.IGNORECASE)
OF_FILE, KEPT = 1 << 10, 1 << 20
"""Maximum number of attributes of / that are compared with other files: per file, and in all files, without repeats."""
ROOT = b"/"


Attributes = tuple[tuple[bytes, int, int, int], ...]


class Spoiled(NamedTuple):
    """An attribute with NaN or infinity: the path of its object, its name and its counts of NaN and infinite values."""

    path: bytes
    name: bytes
    nan: int
    inf: int
    size: int
    verdict: Verdict | None = None

    def finding(self, **details: Any) -> Finding:
        code, count = ("nan", self.nan) if self.nan else ("inf", self.inf)
        attribute, what = plain(self.name.decode("utf-8", "surrogateescape")), "NaN" if self.nan else "infinite"
        which = f"{count} of {self.size} values" if self.size > 1 else "the value"
        verb = "are" if count > 1 else "is"
        text = f"the attribute {attribute} of {escape(self.path)}: {which} {verb} {what}"
        own_details: dict[str, Any] = {"attribute": attribute, "object": escape(self.path), "count": count}
        return found(code, text, verdict=self.verdict, **own_details, **details)


class AttributeValues:
    """Collects which attributes are finite, grouped by their name and the group of their object."""

    def __init__(self) -> None:
        self._finite: Counter[tuple[bytes, bytes]] = Counter()
        self._spoiled: dict[tuple[bytes, bytes], list[Spoiled]] = defaultdict(list)
        self.of_root: list[tuple[bytes, int, int, int]] = []
        """The attributes of /: the name and the numbers of NaN, of infinite and of all values.

        Entries beyond OF_FILE are only some of the attributes that are not finite.
        """

    def add(self, path: bytes, name: bytes, values: NDArray[Any]) -> None:
        key = DIGITS.sub(b"#", path.rpartition(b"/")[0]), name
        nan, inf = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        limit = 2 * OF_FILE if nan or inf else OF_FILE
        if path == ROOT and len(self.of_root) < limit and not MISSING.fullmatch(name):
            self.of_root.append((name, nan, inf, values.size))
        if not nan and not inf:
            self._finite[key] += 1
        elif not MISSING.fullmatch(name):
            self._spoiled[key].append(Spoiled(path, name, nan, inf, values.size))

    def odd(self) -> dict[bytes, list[Spoiled]]:
        """Return the attributes that are not finite while nearly all others are, by the paths of their objects."""
        result: dict[bytes, list[Spoiled]] = defaultdict(list)
        for key, attributes in self._spoiled.items():
            verdict = _verdict(len(attributes), self._finite[key])
            for it in attributes if verdict else ():
                result[it.path].append(it._replace(verdict=verdict))
        return result


def _verdict(spoiled: int, finite: int) -> Verdict | None:
    """Return the verdict on non-finite attributes from both counts, or None if the attributes may be sound."""
    if finite < max(FINITE, SHARE * (finite + spoiled)):
        return None
    sure = finite >= SURE * (finite + spoiled) or (spoiled == 1 and finite >= BESIDE_ONE)
    return "bad" if sure else "suspicious"


def with_attribute_findings(tables: list[Table], odd: Mapping[bytes, list[Spoiled]]) -> list[Table]:
    """Return the tables, with the findings about attributes added to the datasets that are one record each."""
    if not odd or not any(it.path in odd for table in tables for it in table.judged):
        return tables
    result = []
    for table in tables:
        judged = (
            replace(it, spoiled=(*it.spoiled, *(attribute.finding() for attribute in odd.get(it.path, ()))))
            for it in table.judged
        )
        result.append(replace(table, judged=tuple(judged)))
    return result


def attribute_findings(odd: Mapping[bytes, list[Spoiled]], means: Meaning) -> Iterator[Finding]:
    """Yield the findings about attributes of samples that are groups, and of objects in such groups."""
    for path, attributes in sorted(odd.items()):
        sample = nearest(path, means.samples)
        if sample:
            yield from (it.finding(sample=escape(sample)) for it in attributes)


class AttributesOfFiles:
    """The attributes of / in the files of a folder, by file number."""

    def __init__(self) -> None:
        self._attributes: dict[int, Attributes] = {}
        self._same: dict[Attributes, Attributes] = {}
        self._kept = 0
        self._left_out = 0
        self._any_spoiled = False

    def add(self, number: int, contents: Contents) -> None:
        attributes = contents.attributes
        spoiled = any(nan or inf for _, nan, inf, _ in attributes)
        if attributes not in self._same:
            if self._kept + len(attributes) > KEPT:
                self._left_out += spoiled
                return
            self._kept += len(attributes)
        self._attributes[number] = self._same.setdefault(attributes, attributes)
        self._any_spoiled |= spoiled

    def findings(self, names: Sequence[str], shapes: FileShapes) -> Iterator[Finding]:
        """Yield findings about attributes of / that are not finite, but are finite in nearly all files of the family.

        `names` are the escaped names of the files.
        """
        if self._any_spoiled:
            paths = [unescape(it) for it in names]
            numbers = {path: number for number, path in enumerate(paths)}
            for family in families_of_files(paths, shapes.by_file):
                yield from self._family_findings([numbers[it.path] for it in family.samples], names)
        if self._left_out:
            text = (
                f"{counted(self._left_out, 'file has', 'files have')} attributes with NaN or infinity that are "
                "not compared with the others"
            )
            yield found("unsupported", f"{text}: there are too many in all", files=self._left_out)

    def _family_findings(self, files: Sequence[int], names: Sequence[str]) -> Iterator[Finding]:
        finite: Counter[bytes] = Counter()
        spoiled: dict[bytes, list[tuple[int, Spoiled]]] = defaultdict(list)
        for number in files:
            attributes = self._attributes.get(number, ())
            for name, nan, inf, size in attributes[:OF_FILE]:
                if nan or inf:
                    spoiled[name].append((number, Spoiled(ROOT, name, nan, inf, size)))
                else:
                    finite[name] += 1
            if len(attributes) > OF_FILE:
                text = (
                    f"attributes of / with NaN or infinity, such as {escape(attributes[OF_FILE][0])}, are not "
                    f"compared with those of other files: there are more than {OF_FILE:,} attributes"
                )
                yield msgspec.structs.replace(found("unsupported", text), file=names[number])
        for name, entries in spoiled.items():
            verdict = _verdict(len(entries), finite[name])
            for number, it in entries if verdict else ():
                finding = it._replace(verdict=verdict).finding(sample=names[number])
                yield msgspec.structs.replace(finding, file=names[number])
