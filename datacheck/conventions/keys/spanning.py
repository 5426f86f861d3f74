"""Samples whose records lie in several databases of one store, such as pictures in one and their labels in another.

The records of one sample have the same number in each database, or the same name: the key without the beginning and the
end that all keys of a database share.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.conventions.keys.groups import common, needed_parts, verdict_of
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.stems import Sum, combined, hash_sum
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found, full_name, key_name
from datacheck.model.key_families import SEPARATORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.conventions.keys.numbered_keys import KeyTable

Sample = int | bytes
"""The identity of a sample: its number or its name."""


class Naming(msgspec.Struct, frozen=True):
    """Keys that consist of a name between a beginning and an end that all of them share.

    >>> Naming(b"img/", b".jpg").name(b"img/cat.jpg")
    b'cat'
    """

    before: bytes = b""
    after: bytes = b""

    def __str__(self) -> str:
        return f"{escape(self.before)}*{escape(self.after)}"

    def key(self, name: bytes) -> bytes:
        return self.before + name + self.after

    def name(self, key: bytes) -> bytes | None:
        """Return the name in a key, or None if the key does not match."""
        if len(key) <= len(self.before) + len(self.after) or not key.startswith(self.before):
            return None
        return key[len(self.before) : len(key) - len(self.after)] if key.endswith(self.after) else None

    def names(self, table: KeyTable) -> Iterator[NDArray[Any]]:
        """Yield the names in some keys, grouped by length, as uint8 of shape (names, length)."""
        import numpy as np

        for length, (_, keys) in table.by_length.items():
            stop = length - len(self.after)
            if stop <= len(self.before):
                continue
            fits = np.ones(len(keys), bool)
            for begin, text in ((0, self.before), (stop, self.after)):
                fits &= (keys[:, begin : begin + len(text)] == np.frombuffer(text, np.uint8)).all(axis=1)
            if fits.any():
                yield keys[fits, len(self.before) : stop]

    def sum(self, table: KeyTable) -> Sum:
        """Return the sum of the names in some keys."""
        total: Sum = (0, 0, 0)
        for names in self.names(table):
            total = combined(total, hash_sum(names))
        return total


def naming_in(keys: Collection[bytes]) -> Naming:
    """Return how sampled keys contain names: whole words that all keys begin or end with are not part of the names.

    >>> naming_in([b"img/b_1.jpg", b"img/c_4.jpg"])
    Naming(before=b'img/', after=b'.jpg')
    """
    before = _common_prefix(keys)
    before = before[: 1 + max(before.rfind(code) for code in SEPARATORS)]
    rests = [key[len(before) :][::-1] for key in keys]
    after = _common_prefix(rests)
    after = after[: 1 + max(after.rfind(code) for code in SEPARATORS)][::-1]
    return Naming(before, after) if min(map(len, rests)) > len(after) else Naming()


def _common_prefix(texts: Collection[bytes]) -> bytes:
    """Return the longest common prefix of some texts."""
    first, last = min(texts), max(texts)
    return first[: next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)]


class Member(msgspec.Struct, frozen=True):
    """Records of one database that are a part of samples: how keys identify the sample, and the numbers that exist.

    Only some samples have an `optional` part.
    """

    part: str
    of: Pattern | Naming
    numbers: Runs = msgspec.field(default_factory=Runs)
    optional: bool = False

    def __str__(self) -> str:
        return full_name(str(self.of), self.part)

    def sample(self, key: bytes) -> Sample | None:
        """Return the sample that a key belongs to, or None if it belongs to none."""
        return self.of.name(key) if isinstance(self.of, Naming) else self.of.number(key)

    def key(self, sample: Sample) -> bytes:
        if isinstance(self.of, Naming):
            assert isinstance(sample, bytes)
            return self.of.key(sample)
        assert isinstance(sample, int)
        return self.of.key(sample)


class Spanning(msgspec.Struct, frozen=True):
    """The samples that span several databases.

    `all` is the number of samples, `whole` the number of those that have all parts except optional ones. If numbers
    identify them, `numbers` are those of all samples. If names identify them, `unpaired` are the names of the samples
    that lack a part, with the databases that lack it. `asked` says that a loader is known to ask for all samples, so
    that none may lack a part that is needed. `early` says that the numbering only ends earlier in one database: the
    databases may then not belong together.
    """

    members: tuple[Member, ...]
    all: int
    whole: int
    numbers: Runs = msgspec.field(default_factory=Runs)
    unpaired: Mapping[bytes, tuple[str, ...]] = msgspec.field(default_factory=dict)
    early: bool = False
    asked: bool = False

    @property
    def parts(self) -> frozenset[str]:
        """The names of the databases."""
        return frozenset(it.part for it in self.members)

    @property
    def _parts(self) -> list[Member]:
        return [it for it in self.members if not it.optional]

    @property
    def complete(self) -> int:
        """The number of samples that have all parts that are needed."""
        required = needed_parts(self._parts)
        if self.by_name:
            return self.all - sum(any(it.part in lacking for it in required) for lacking in self.unpaired.values())
        return len(common(it.numbers for it in required))

    @property
    def by_name(self) -> bool:
        return isinstance(self.members[0].of, Naming)

    def members_of(self, part: str) -> tuple[Member, ...]:
        return tuple(it for it in self.members if it.part == part)

    def patterns(self, part: str) -> tuple[Pattern, ...]:
        """Return the patterns of the records of a database."""
        return tuple(it.of for it in self.members_of(part) if isinstance(it.of, Pattern))

    def sample(self, part: str, key: bytes) -> Sample | None:
        """Return the sample that a record of a database belongs to, or None if it belongs to none."""
        return next((it for member in self.members_of(part) if (it := member.sample(key)) is not None), None)

    def keys(self, sample: Sample) -> Iterator[tuple[str, bytes]]:
        """Yield the database and the key of each existing record of a sample."""
        lacking = self.unpaired.get(sample, ()) if isinstance(sample, bytes) else ()
        for member in self.members:
            exists = member.part not in lacking if isinstance(sample, bytes) else sample in member.numbers
            if exists:
                yield member.part, member.key(sample)

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each sample that lacks a part; its key is that of an existing part."""
        parts = self._parts
        required = needed_parts(parts)
        other_verdict: Verdict = "suspicious" if self.early else verdict_of(self.whole, self.all)
        required_verdict: Verdict = "suspicious" if self.early else verdict_of(self.complete, self.all)
        if self.asked:
            required_verdict = "bad"

        def finding_of(sample: Sample, lacking: Sequence[Member]) -> Finding:
            verdict = required_verdict if any(it in required for it in lacking) else other_verdict
            return self._unpaired_finding(sample, parts, lacking, verdict)

        if self.by_name:
            for name, lacking in sorted(self.unpaired.items()):
                yield finding_of(name, [it for it in parts if it.part in lacking])
            return
        for number in self.numbers - common(it.numbers for it in parts):
            yield finding_of(number, [it for it in parts if number not in it.numbers])

    def _unpaired_finding(
        self, sample: Sample, parts: Sequence[Member], lacking: Sequence[Member], verdict: Verdict
    ) -> Finding:
        missing = [key_name(it.key(sample), it.part) for it in lacking]
        present = next(it for it in parts if it not in lacking)
        whole_text = f"{self.whole:,} of {self.all:,} samples have all of {', '.join(map(str, parts))}"
        finding = found(
            "unpaired", f"{', '.join(missing)} is not there; {whole_text}", verdict=verdict, missing=missing
        )
        return msgspec.structs.replace(finding, key=escape(present.key(sample)), database=present.part or None)
