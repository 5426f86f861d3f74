"""Labels that only names tell: parts of trees that `--label-field` names, and bare values in a family of labels.

Such a family is one whose keys have a word for labels in them; its numbers may be pickled, or .npy arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from datacheck.decoders import JOINT
from datacheck.decoders.trees.differences import GONE
from datacheck.decoders.trees.paths import ROOT
from datacheck.model.batch import Batch
from datacheck.model.finding import Finding, found
from datacheck.model.naming import means
from datacheck.model.profile import FamilyProfile, Profile
from datacheck.scanning.recognition import is_label, words_of

Item = Batch | tuple[int, Finding]
BARE = frozenset({"npy", "pickle", "msgpack", "json", "torch"})
"""The decoders of payloads that may be one number, or an array, and nothing else."""


class NamedLabels:
    """The labels of a store that names tell: `name` is the one that the caller gave."""

    def __init__(self, profile: Profile, name: str | None) -> None:
        self._name = name
        bare = {it: of for it, of in profile.families.items() if of.decoder.rpartition(JOINT)[2] in BARE}
        self._families = [of for it, of in bare.items() if is_label(it, name)]
        self._asked = [of for it, of in bare.items() if name is not None and name.lower() in words_of(it)]

    def of(self, items: Iterable[Item], family: FamilyProfile) -> Iterable[Item]:
        """Return what was decoded, with what is a label as one; what lacks a part of the name lacks its label."""
        if any(family is it for it in self._families):
            items = self._bare(items, asked=any(family is it for it in self._asked))
        return items if self._name is None else _with_labels(items, self._name)

    def _bare(self, items: Iterable[Item], *, asked: bool) -> Iterator[Item]:
        """Yield items with bare numbers as labels. Arrays of several axes may be anything, unless the caller knows."""
        for item in items:
            if isinstance(item, Batch) and item.field == ROOT and not item.encoded and item.width:
                kind, axes = item.values.dtype.kind, item.values.ndim - 1
                if (kind in "iub" and (asked or axes < 2)) or (kind == "f" and (asked or item.width == 1)):
                    item = replace(item, label=True, field="label")
            yield item


def _with_labels(items: Iterable[Item], name: str) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Batch):
            named = item.leaf and not item.encoded and item.width and item.values.dtype.kind in "iufb"
            yield replace(item, label=True) if named and _named(name, item.field) else item
            continue
        row, finding = item
        lacks = finding.code == "fields" and finding.message == GONE and _named(name, finding.field or "")
        yield (row, found("label", "no label; the other records have one", field=finding.field)) if lacks else item


@lru_cache(maxsize=256)
def _named(name: str, path: str) -> bool:
    return means("label-field", name, path)
