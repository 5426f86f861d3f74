"""Identify samples by a text in their keys, the stem: the records X/rgb and X/depth are one sample, whatever X is.

The endings are recognised from the sampled keys, and all keys are checked by digests. If each ending has the same
number of stems, and the same sum of their hashes, no sample lacks a part; no keys have to be held for that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.conventions.keys.groups import ENOUGH, NEARLY, WHOLE
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.key_families import SEPARATORS, may_be_part
from datacheck.model.sample_sets import SETS

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


class Stems(msgspec.Struct, frozen=True):
    """The endings of the keys of one sample, separator included."""

    endings: tuple[bytes, ...]

    def __str__(self) -> str:
        return ", ".join(f"*{escape(it)}" for it in self.endings)

    @property
    def separator(self) -> bytes:
        return self.endings[0][:1]

    def split(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the stem and the ending of a key, or None if it has none of these endings."""
        stem, separator, _ = key.rpartition(self.separator)
        ending = key[len(stem) :]
        return (stem, ending) if separator and stem and ending in self.endings else None

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
            for ending in self.endings:
                if len(ending) >= length:
                    continue
                part, stem = self._spans(length, len(ending))
                fits = (keys[:, part] == np.frombuffer(ending, np.uint8)).all(axis=1)
                if fits.any():
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


Parted = tuple[bytes, bytes]
"""The stem of a key and the name of its part, separator included."""


def stems_in(keys: Collection[bytes]) -> Stems | None:
    """Return the endings of nearly all sampled keys if nearly all stems have all of these endings, or None."""

    def parted(key: bytes, separator: bytes) -> Parted | None:
        stem, found_one, name = key.rpartition(separator)
        return (stem, separator + name) if found_one and stem and not name.isdigit() else None

    endings = _parts_of(keys, parted, may_have_more=True)
    return None if endings is None else Stems(endings)


def behind_names_in(keys: Collection[bytes]) -> BehindNames | None:
    """Return the beginnings of nearly all sampled keys if nearly all stems have all of these beginnings, or None."""

    def parted(key: bytes, separator: bytes) -> Parted | None:
        name, found_one, stem = key.partition(separator)
        is_part = bool(name) and may_be_part(name) and not stem.isdigit()
        return (stem, name + separator) if found_one and stem and is_part else None

    beginnings = _parts_of(keys, parted)
    return None if beginnings is None else BehindNames(beginnings)


def _parts_of(
    keys: Collection[bytes], parted: Callable[[bytes, bytes], Parted | None], *, may_have_more: bool = False
) -> tuple[bytes, ...] | None:
    """Return the names of parts that nearly all stems have, for the first separator with such names, or None.

    Nearly all keys have to be of these parts. If they are not, samples that `may_have_more` parts may have some that
    others lack, such as X.mask.png beside X.jpg and X.txt.
    """
    by_separator = []
    for code in SEPARATORS:
        separator = bytes([code])
        stems: dict[bytes, set[bytes]] = defaultdict(set)
        for key in keys:
            split = parted(key, separator)
            if split is not None:
                stems[split[0]].add(split[1])
        parts = _usual_parts(separator, stems)
        if parts and sum(len(it.intersection(parts)) for it in stems.values()) >= IN_SAMPLE * len(keys):
            return parts
        by_separator.append((separator, stems))
    for separator, stems in by_separator if may_have_more else ():
        samples = {it: names for it, names in stems.items() if it.rpartition(separator)[0] not in stems}
        parts = _usual_parts(separator, samples)
        if parts and sum(map(len, stems.values())) >= IN_SAMPLE * len(keys):
            return parts
    return None


def _usual_parts(separator: bytes, stems: Mapping[bytes, set[bytes]]) -> tuple[bytes, ...] | None:
    """Return the names of the parts that nearly all stems have, or None if they are none or sets of samples."""
    names = Counter(it for of_stem in stems.values() for it in of_stem)
    parts = tuple(sorted(it for it, count in names.items() if count >= IN_SAMPLE * len(stems)))
    if not 1 < len(parts) <= MOST or any(it.strip(separator).lower() in SETS for it in parts):
        return None
    whole = sum(of_stem.issuperset(parts) for of_stem in stems.values())
    return parts if whole >= max(ENOUGH, IN_SAMPLE * len(stems)) else None


class BehindNames(Stems, frozen=True):
    """The beginnings of the keys of one sample, separator included: image-cat and label-cat are one sample."""

    def __str__(self) -> str:
        return ", ".join(f"{escape(it)}*" for it in self.endings)

    @property
    def separator(self) -> bytes:
        return self.endings[0][-1:]

    def split(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the stem and the beginning of a key, or None if it has none of these beginnings."""
        part, separator, stem = key.partition(self.separator)
        return (stem, part + separator) if stem and part + separator in self.endings else None

    def key(self, stem: bytes, ending: bytes) -> bytes:
        """Return the key of a part of a sample."""
        return ending + stem

    def _spans(self, length: int, size: int) -> tuple[slice, slice]:
        return slice(0, size), slice(size, length)


class StemGroups(msgspec.Struct, frozen=True):
    """The samples of a store: the number of `all`, and the stems of those lacking a part, with the missing endings."""

    stems: Stems
    all: int
    unpaired: Mapping[bytes, tuple[bytes, ...]]
    verdict: Verdict = "bad"

    def keys(self, stem: bytes) -> list[bytes]:
        """Return the keys of a sample that exist."""
        lacking = {self.stems.key(stem, it) for it in self.unpaired.get(stem, ())}
        return [it for it in self.stems.keys(stem) if it not in lacking]

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each sample that lacks a part; its key is that of a part that exists."""
        whole = self.all - len(self.unpaired)
        for stem, lacking in sorted(self.unpaired.items()):
            missing = [escape(self.stems.key(stem, it)) for it in lacking]
            message = f"{', '.join(missing)} is not there; {whole:,} of {self.all:,} samples have all of {self.stems}"
            finding = found("unpaired", message, verdict=self.verdict, missing=missing)
            yield msgspec.structs.replace(finding, key=escape(self.keys(stem)[0]))


def have_same_stems(stems: Stems, sums: Mapping[bytes, Sum]) -> bool:
    """Check whether all endings have the same stems."""
    return len({sums.get(it) for it in stems.endings}) == 1


def may_be_whole(stems: Stems, sums: Mapping[bytes, Sum]) -> bool:
    """Check whether nearly all samples may be whole, by the numbers of stems."""
    counts = [sums.get(it, (0, 0, 0))[0] for it in stems.endings]
    return min(counts) >= max(ENOUGH, NEARLY * max(counts))


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
    """Finds samples that lack a part in the keys of a store in ascending order; holds only those samples in memory."""

    def __init__(self, stems: Stems) -> None:
        self._stems = stems
        self._open: list[tuple[bytes, set[bytes]]] = []
        self._last = b""
        self._found: dict[bytes, tuple[bytes, ...]] = {}
        self._all = 0
        self.failed = False

    def take(self, keys: Sequence[bytes]) -> None:
        """Add neighbouring keys; set `failed` if they are not in order or too many samples lack a part."""
        for key in keys:
            if key < self._last:
                self.failed = True
                return
            self._last = key
            while self._open and not key.startswith(self._open[-1][0] + self._stems.separator):
                self._close()
            split = self._stems.split(key)
            if split is None:
                continue
            stem, ending = split
            if not self._open or self._open[-1][0] != stem:
                self._open.append((stem, set()))
            self._open[-1][1].add(ending)
        self.failed |= len(self._found) > HELD

    def _close(self) -> None:
        stem, present = self._open.pop()
        self._all += 1
        lacking = tuple(it for it in self._stems.endings if it not in present)
        if lacking:
            self._found[stem] = lacking

    def groups(self) -> StemGroups | None:
        """Return the samples, or None if too few are whole or `failed` is set."""
        while self._open:
            self._close()
        return None if self.failed else _groups(self._stems, self._all, self._found)


def _groups(stems: Stems, count: int, unpaired: Mapping[bytes, tuple[bytes, ...]]) -> StemGroups | None:
    """Return `count` samples, or None if too few are whole."""
    share = 1 - len(unpaired) / count if count else 0.0
    return None if share < NEARLY else StemGroups(stems, count, unpaired, "bad" if share >= WHOLE else "suspicious")
