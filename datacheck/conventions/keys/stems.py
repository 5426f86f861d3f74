"""Identify samples by a text in their keys, the stem: the records X/rgb and X/depth are one sample, whatever X is.

The endings are recognised from the sampled keys, and all keys are checked by digests. If each ending has the same
number of stems, and the same sum of their hashes, no sample lacks a part; no keys have to be held for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.conventions.keys.groups import (
    ACCIDENTS,
    ENOUGH,
    NEARLY,
    OPTIONAL,
    ROLES,
    needed_parts,
    verdict_of,
    words,
)
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.key_families import SEPARATORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.conventions.keys.numbered_keys import KeyTable

MOST = 16
"""Maximum number of parts of a sample."""
IN_SAMPLE = 0.9
"""Minimum share of the sampled keys that belong to parts, and of their stems that have all parts."""
HELD = 1 << 20
"""Maximum number of samples that are held in memory, mostly only those that lack a part."""
_WORD = (1 << 64) - 1

Sum = tuple[int, int, int]
"""The number of stems, and two sums of their hashes modulo 2**64."""


class Stems(msgspec.Struct, frozen=True, dict=True):
    """The endings of the keys of one sample, separator included; the key that is the stem itself ends with nothing.

    Only `some` samples have further endings. The longest ending of a key counts: X.mask.txt is no text of X.mask.
    There may be so `few` samples that they show no rule, but are as many as the store counts.
    """

    endings: tuple[bytes, ...]
    some: tuple[bytes, ...] = ()
    few: bool = False

    def __str__(self) -> str:
        return ", ".join(f"*{escape(it)}" for it in self.endings)

    @cached_property
    def every(self) -> tuple[bytes, ...]:
        """All endings, the longest first."""
        return tuple(sorted((*self.endings, *self.some), key=len, reverse=True))

    def split(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the stem and the ending of a key, or None if it has none of these endings."""
        for ending in self.every:
            if key.endswith(ending) and len(key) > len(ending):
                return key[: len(key) - len(ending)], ending
        return None

    def keys(self, stem: bytes) -> list[bytes]:
        """Return the keys of all parts of a sample."""
        return [self.key(stem, it) for it in self.endings]

    def key(self, stem: bytes, ending: bytes) -> bytes:
        """Return the key of a part of a sample."""
        return stem + ending

    def sums(self, table: KeyTable) -> Iterator[tuple[bytes, Sum]]:
        """Yield each ending that some of the keys have, with the sum of its stems."""
        import numpy as np

        for length, (_, keys) in table.by_length.items():
            left = np.ones(len(keys), bool)
            for ending in self.every:
                if len(ending) >= length:
                    continue
                part, stem = self._spans(length, len(ending))
                fits = (keys[:, part] == np.frombuffer(ending, np.uint8)).all(axis=1) & left
                if fits.any():
                    left &= ~fits
                    yield ending, hash_sum(keys[fits, stem])

    def _spans(self, length: int, size: int) -> tuple[slice, slice]:
        """Return where the ending, of `size` bytes, and the stem lie in a key of this length."""
        return slice(length - size, length), slice(0, length - size)


def text_hashes(stems: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two hashes of each of the stems in a uint8 array of shape (stems, length), as uint64."""
    import numpy as np

    hashes = []
    for seed, factor in ((0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9), (0xD6E8FEB86659FD93, 0x94D049BB133111EB)):
        values = np.full(len(stems), (seed + stems.shape[1] * factor) & _WORD, np.uint64)
        for column in stems.T:
            values ^= column
            values *= np.uint64(factor)
            values ^= values >> np.uint64(29)
        hashes.append(values)
    return hashes[0], hashes[1]


def hash_sum(stems: NDArray[Any]) -> Sum:
    """Return the sum of the stems in a uint8 array of shape (stems, length)."""
    import numpy as np

    one, other = text_hashes(stems)
    return len(stems), int(one.sum(dtype=np.uint64)), int(other.sum(dtype=np.uint64))


def combined(one: Sum, other: Sum) -> Sum:
    return one[0] + other[0], (one[1] + other[1]) & _WORD, (one[2] + other[2]) & _WORD


class BehindNames(Stems, frozen=True):
    """The beginnings of the keys of one sample, separator included: image-cat and label-cat are one sample."""

    def __str__(self) -> str:
        return ", ".join(f"{escape(it)}*" for it in self.endings)

    def split(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the stem and the beginning of a key, or None if it has none of these beginnings."""
        part, separator, stem = key.partition(self.endings[0][-1:])
        return (stem, part + separator) if stem and part + separator in self.endings else None

    def key(self, stem: bytes, ending: bytes) -> bytes:
        """Return the key of a part of a sample."""
        return ending + stem

    def _spans(self, length: int, size: int) -> tuple[slice, slice]:
        return slice(0, size), slice(size, length)


class StemGroups(msgspec.Struct, frozen=True):
    """The samples of a store: the number of `all`, and the stems of those lacking a part, with the missing endings.

    `some` are the stems of samples that have further parts, with the endings of these. Those in `alone` are keys that
    no part goes with: they may be no samples, but records such as a list of classes. If the store counts the samples
    (`asked`), a loader asks for all parts that are needed.
    """

    stems: Stems
    all: int
    unpaired: Mapping[bytes, tuple[bytes, ...]]
    some: Mapping[bytes, tuple[bytes, ...]] = {}
    alone: Mapping[bytes, tuple[bytes, ...]] = {}
    asked: bool = False

    @property
    def complete(self) -> int:
        """The number of samples with all parts that are needed."""
        needed = self._needed
        return self.all - sum(not needed.isdisjoint(lacking) for lacking in self.unpaired.values())

    @property
    def _needed(self) -> frozenset[bytes]:
        names = {escape(it): it for it in self.stems.endings}
        return frozenset(names[it] for it in needed_parts(names))

    def keys(self, stem: bytes) -> list[bytes]:
        """Return the keys of a sample that exist."""
        lacking = {self.stems.key(stem, it) for it in self.unpaired.get(stem, ())}
        further = [self.stems.key(stem, it) for it in self.some.get(stem, ())]
        return [it for it in self.stems.keys(stem) if it not in lacking] + further

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each sample that lacks a part; its key is that of a part that exists."""
        whole, complete, needed = self.all - len(self.unpaired), self.complete, self._needed
        for stem, lacking in sorted(self.unpaired.items()):
            missing = [escape(self.stems.key(stem, it)) for it in lacking]
            message = f"{', '.join(missing)} is not there; {whole:,} of {self.all:,} samples have all of {self.stems}"
            lacks_needed = not needed.isdisjoint(lacking)
            verdict = verdict_of(complete if lacks_needed else whole, self.all)
            verdict = "bad" if lacks_needed and self.asked else verdict
            finding = found("unpaired", message, verdict=verdict, missing=missing)
            yield msgspec.structs.replace(finding, key=escape(self.keys(stem)[0]))


def have_same_stems(stems: Stems, sums: Mapping[bytes, Sum]) -> bool:
    """Check whether all endings have the same stems."""
    return len({sums.get(it) for it in stems.endings}) == 1


def may_be_whole(stems: Stems, sums: Mapping[bytes, Sum]) -> bool:
    """Check whether nearly all samples may be whole, by the numbers of stems."""
    counts = [sums.get(it, (0, 0, 0))[0] for it in stems.endings]
    return min(counts) >= max(1 if stems.few else ENOUGH, NEARLY * max(counts))


class UnpairedBehindNames:
    """Finds samples that lack a part in the keys of a store, in any order; holds all samples in memory."""

    def __init__(self, stems: Stems) -> None:
        self._stems = stems
        self._bits = {ending: 1 << at for at, ending in enumerate(stems.endings)}
        self._present: dict[bytes, int] = {}
        self.failed = False

    def take(self, keys: Sequence[bytes]) -> None:
        """Add neighbouring keys; set `failed` if there are too many samples."""
        for key in keys:
            split = self._stems.split(key)
            if split is not None:
                self._present[split[0]] = self._present.get(split[0], 0) | self._bits[split[1]]
        self.failed |= len(self._present) > HELD

    def groups(self) -> StemGroups | None:
        """Return the samples, or None if too few are whole or `failed` is set."""
        endings = self._stems.endings
        all_parts = (1 << len(endings)) - 1
        found = {
            stem: tuple(it for at, it in enumerate(endings) if not bits >> at & 1)
            for stem, bits in self._present.items()
            if bits != all_parts
        }
        return None if self.failed else _groups(self._stems, len(self._present), found)


class Unpaired:
    """Finds samples that lack a part in the keys of a store in ascending order; holds only those samples in memory.

    A stem that lacks parts and is that of a sample with a further name, as in X.mask.txt, is no sample: the key is a
    further part of X. Keys in `apart` belong to no sample.
    """

    def __init__(self, stems: Stems, apart: frozenset[bytes] = frozenset()) -> None:
        self._stems, self._apart = stems, apart
        self._open: list[tuple[bytes, set[bytes]]] = []
        self._last = b""
        self._pending: dict[bytes, dict[bytes, set[bytes]]] = {}
        """Closed stems that lack parts, and the parts that each has, by the sample to which these may belong."""
        self._found: dict[bytes, tuple[bytes, ...]] = {}
        self._some: dict[bytes, tuple[bytes, ...]] = {}
        self._further: dict[bytes, set[bytes]] = {}
        self._all = 0
        self._alone: dict[bytes, tuple[bytes, ...]] = {}
        self.failed = False

    def take(self, keys: Sequence[bytes]) -> None:
        """Add neighbouring keys; set `failed` if they are not in order or too many samples lack a part."""
        for key in keys:
            if key < self._last:
                self.failed = True
                return
            self._last = key
            while self._open and not key.startswith(self._open[-1][0]):
                self._close()
            if self._pending:
                self._settle(key)
            split = None if key in self._apart else self._stems.split(key)
            if split is None:
                continue
            present = next((it for stem, it in reversed(self._open) if stem == split[0]), None)
            if present is None:
                self._open.append((split[0], present := set()))
            present.add(split[1])
        held: list[Collection[bytes]] = [self._found, self._some, self._further, self._alone, *self._pending.values()]
        self.failed |= any(len(it) > HELD for it in held)

    def _close(self) -> None:
        stem, present = self._open.pop()
        lacking = self._lacking(present)
        if len(lacking) == len(self._stems.endings) and not any(map(is_role, present)):
            return
        if lacking and present == {b""}:
            self._alone[stem] = lacking
        elif lacking:
            self._pending.setdefault(_parent(stem), {})[stem] = present
        else:
            self._take_sample(stem, present)
            self._further.update(self._pending.pop(stem, {}))

    def _lacking(self, present: set[bytes]) -> tuple[bytes, ...]:
        return tuple(it for it in self._stems.endings if it not in present)

    def _settle(self, key: bytes | None) -> None:
        """Take pending stems for samples that lack a part if that whose further part they may be cannot follow.

        `key` is the next key, or None behind the last one.
        """
        for parent in [it for it in self._pending if not it or key is None or not key.startswith(it)]:
            for stem, present in self._pending.pop(parent).items():
                self._lacks(stem, present)

    def _lacks(self, stem: bytes, present: set[bytes]) -> None:
        self._take_sample(stem, present)
        self._found[stem] = self._lacking(present)

    def _take_sample(self, stem: bytes, present: set[bytes]) -> None:
        self._all += 1
        further = tuple(sorted(present.intersection(self._stems.some)))
        if further:
            self._some[stem] = further

    def groups(self) -> StemGroups | None:
        """Return the samples, or None if too few are whole or `failed` is set."""
        while self._open:
            self._close()
        self._settle(None)
        names = Counter(it[len(_parent(it)) :] for it in self._further)
        endings: set[bytes] = set()
        further: dict[bytes, list[bytes]] = {}
        for stem, present in self._further.items():
            parent = _parent(stem)
            name = stem[len(parent) :]
            if names[name] < ACCIDENTS and not is_role(name):
                self._lacks(stem, present)
                continue
            own = [name + it for it in sorted(present)]
            endings.update(own)
            further.setdefault(parent, []).extend(own)
        for parent, names_of_parts in further.items():
            self._some[parent] = (*self._some.get(parent, ()), *names_of_parts)
        stems = msgspec.structs.replace(self._stems, some=tuple(sorted({*self._stems.some, *endings})))
        return None if self.failed else _groups(stems, self._all, self._found, self._some, self._alone)


def is_role(name: bytes) -> bool:
    """Return whether the name of a part says what it is, as those of masks and captions do."""
    return not words(escape(name)).isdisjoint(ROLES | OPTIONAL)


def _parent(stem: bytes) -> bytes:
    """Return a stem without its last word.

    >>> _parent(b"a/cat.mask"), _parent(b"cat")
    (b'a/cat', b'')
    """
    return stem[: max(0, *(stem.rfind(it) for it in SEPARATORS))]


def _groups(
    stems: Stems,
    count: int,
    unpaired: Mapping[bytes, tuple[bytes, ...]],
    some: Mapping[bytes, tuple[bytes, ...]] | None = None,
    alone: Mapping[bytes, tuple[bytes, ...]] | None = None,
) -> StemGroups | None:
    """Return `count` samples, or None if too few are whole."""
    share = 1 - len(unpaired) / count if count else 0.0
    return None if share < NEARLY else StemGroups(stems, count, unpaired, some or {}, alone or {})
