"""Leave the bad records out of a PyTorch dataset with `skip_bad`, which imports PyTorch when it is called.

>>> from datacheck.torch import skip_bad                                                  # doctest: +SKIP
>>> report = datacheck.scan("train_lmdb")                                                 # doctest: +SKIP
>>> sound = skip_bad(dataset, report, key=lambda index: f"{index:08d}")                   # doctest: +SKIP
>>> loader = torch.utils.data.DataLoader(sound, batch_size=64, num_workers=4)             # doctest: +SKIP
"""

from __future__ import annotations

import array
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from datacheck.conventions.conclusions import samples_of
from datacheck.conventions.interface import Known
from datacheck.errors import UsageError
from datacheck.model.escaping import escape, unescape
from datacheck.model.key_families import fold
from datacheck.model.listing import counted
from datacheck.reporting.report import Report

if TYPE_CHECKING:
    from datacheck.reporting.several import ScanReports

EXAMPLE = "key=lambda index: f'image-{index + 1:09d}'"
"""The argument that a caller must give if the report does not determine which records belong to a sample."""
Key = Callable[[Any], "str | bytes | Iterable[str | bytes]"]


def skip_bad(dataset: Any, report: Report | ScanReports, key: Key | None = None) -> Any:
    """Return a PyTorch dataset without the samples that a report calls bad.

    Parameters
    ----------
    dataset
        A map-style dataset, of which a `torch.utils.data.Subset` is returned; or an `IterableDataset`, which is
        returned as one that skips bad samples.
    report
        The report of `datacheck.scan` or `datacheck.load_report` on the whole store that the dataset reads.
    key
        Returns the key of a sample's record as the report has it, or as bytes; or several keys if a sample consists of
        several records; it is bad if one of them is. It is called with the index in a map-style dataset, and with the
        sample of an iterable one. It may be omitted for a map-style dataset over a store whose convention counts its
        samples, as OCR's does, from 1: then index 0 is the first of them.

    Raises
    ------
    UsageError
        PyTorch is not installed; the report does not cover every record; it does not determine which samples are
        meant, and there is no `key`; or no key that `key` returns is one of the store's.

    Notes
    -----
    The position of a record in the store (`report.bad_indices()`) is not its index in a dataset: a store has its
    records in the order of their keys, including records that are no samples, and a dataset counts in its own way.
    """
    try:
        from torch.utils.data import IterableDataset, Subset
    except ImportError as exc:
        raise UsageError("skip_bad needs PyTorch: pip install torch") from exc
    reports = report.parts
    left = next(iter(getattr(report, "not_scanned", ())), None)
    if left is not None:
        raise UsageError(f"the report says that {left.source} was not scanned; scan all of the sources")
    for it in reports:
        if not it.complete or it.partial:
            raise UsageError(f"the report on {it.source.path} is not of every record; scan all of it, without a sample")
    if isinstance(dataset, IterableDataset):
        if key is None:
            raise UsageError(
                "an iterable dataset has no indices: say the key of a sample, as in key=lambda sample: ..."
            )
        return _skipping(IterableDataset, dataset, _Bad(report), key)
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise UsageError(
            f"{type(dataset).__name__} is not a dataset: it has neither __getitem__ and __len__ nor __iter__"
        )
    count = len(dataset)
    if key is None:
        if len(reports) > 1:
            raise UsageError(f"the report is of several stores: say the key of each sample, as in {EXAMPLE}")
        bad_samples = _bad_numbers(reports[0], count)
        kept = array.array("q", (at for at in range(count) if at not in bad_samples))
    else:
        bad = _Bad(report)
        kept = array.array("q", (at for at in range(count) if not bad.has(key(at))))
        bad.require_known_keys()
    return Subset(dataset, kept)  # type: ignore[arg-type, unused-ignore]


class _Bad:
    """The names of the bad records of a report, and whether the requested keys belong to its store at all."""

    def __init__(self, report: Report | ScanReports) -> None:
        self._names = frozenset(name for it in report.parts for name in it.bad_keys())
        self._families = frozenset(family for it in report.parts for family in it.profile.families)
        self._first: str | None = None
        self._has_met_bad = False

    def has(self, given: str | bytes | Iterable[str | bytes]) -> bool:
        """Check whether a record with one of these keys is bad."""
        keys = [given] if isinstance(given, str | bytes) else list(given)
        names = [escape(it) if isinstance(it, bytes) else it for it in keys]
        if self._first is None and names:
            self._first = names[0]
        found = any(name in self._names for name in names)
        self._has_met_bad |= found
        return found

    def require_known_keys(self) -> None:
        """Raise UsageError if no bad record was met and the keys do not look like those of the store."""
        if self._has_met_bad or not self._names or self._first is None or self._is_known(self._first):
            return
        raise UsageError(
            f"the key {self._first!r} of the first sample is like none of the store's, as {min(self._names)!r} is one: "
            f"no bad record would be left out; say the keys as the report has them, as in {EXAMPLE}"
        )

    def _is_known(self, name: str) -> bool:
        """Check whether a key belongs to a family of the store, or has the same form as a bad one."""
        own = fold(unescape(name))
        if not self._families.isdisjoint({own, re.sub(r"\[[0-9]+\]$", "", name)}):
            return True
        return any(fold(unescape(it)) == own for it in self._names)


def _bad_numbers(report: Report, count: int) -> set[int]:
    """Return the indices of bad samples in a dataset numbered like the store's convention. Raises UsageError."""
    for convention in report.keeps.get("", Known()).conventions:
        numbering = samples_of(convention, report.account())
        if numbering.base is None:
            continue
        numbered = numbering.last - numbering.base + 1
        if numbered != count:
            raise UsageError(
                f"the dataset has {counted(count, 'sample')}, and the convention {convention.name} counts {numbered:,} "
                f"from {numbering.base} on: say the key of each sample, as in {EXAMPLE}"
            )
        bad = set()
        for key in report.bad_keys(raw=True):
            if key in convention.own:
                continue
            number = next((it for part in convention.parts if (it := part.number(key)) is not None), None)
            if number is None:
                raise UsageError(
                    f"the bad record {escape(key)} has no number in the convention {convention.name}: say the key of "
                    f"each sample, as in {EXAMPLE}"
                )
            bad.add(number - numbering.base)
        return bad
    raise UsageError(
        "nothing tells which record a sample of the dataset is: the positions of records in a store are not indices. "
        f"Say the key of each sample, as in {EXAMPLE}"
    )


def _skipping(base: Any, dataset: Any, bad: _Bad, key: Key) -> Any:
    """Return an iterable dataset that skips the bad samples of another; each worker of a loader has its own."""
    return _Sound.of(base)(dataset, bad, key)


class _Sound:
    """The behaviour of an iterable dataset that skips bad samples; `of` adds PyTorch's own class as a base."""

    def __init__(self, dataset: Any, bad: _Bad, key: Key) -> None:
        self.dataset, self._bad, self._key = dataset, bad, key

    def __iter__(self) -> Iterator[Any]:
        for sample in self.dataset:
            if not self._bad.has(self._key(sample)):
                yield sample
        self._bad.require_known_keys()

    def __reduce__(self) -> tuple[Any, ...]:
        return _sound, (self.dataset, self._bad, self._key)

    @staticmethod
    def of(base: Any) -> Any:
        """Return the class with PyTorch's own class as a base."""
        return type("SoundSamples", (_Sound, base), {})


def _sound(dataset: Any, bad: _Bad, key: Key) -> Any:
    from torch.utils.data import IterableDataset

    return _skipping(IterableDataset, dataset, bad, key)
