"""Labels that only names tell: parts of trees that `--label-field` names, and bare values in a family of labels.

Such a family is one whose keys have a word for labels in them; its numbers may be pickled, or .npy arrays. Where
`--labels` bounds labels and nothing is one, a whole number under a name such as class_id is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, partial

from datacheck.decoders import JOINT
from datacheck.decoders.trees.differences import GONE
from datacheck.decoders.trees.paths import ROOT
from datacheck.decoders.trees.paths import is_label as is_label_of_tree
from datacheck.model.batch import Batch
from datacheck.model.finding import Finding, found
from datacheck.model.naming import fields, means
from datacheck.model.profile import FamilyProfile, Profile
from datacheck.model.settings import Settings
from datacheck.scanning.recognition import is_label, words_of

Item = Batch | tuple[int, Finding]
CLASSES = frozenset(["classid", "clsid", "categoryid", "labelid", "classindex", "classidx", "labelindex", "labelidx"])
"""Names of the number of a class, in small letters and without what is between the words."""
BARE = frozenset({"npy", "pickle", "msgpack", "json", "torch"})
"""The decoders of payloads that may be one number, or an array, and nothing else."""


class NamedLabels:
    """The labels of a store that names tell, and the settings: a name that the caller gave, or bounds of labels."""

    def __init__(self, profile: Profile, settings: Settings) -> None:
        self._name = name = settings.label_field
        bare = {it: of for it, of in profile.families.items() if of.decoder.rpartition(JOINT)[2] in BARE}
        self._families = [of for it, of in bare.items() if is_label(it, name)]
        self._asked = [of for it, of in bare.items() if name is not None and name.lower() in words_of(it)]
        bounded = settings.labels is not None and name is None and not self._families
        self._class = _class_of(profile) if bounded else None

    def of(self, items: Iterable[Item], family: FamilyProfile) -> Iterable[Item]:
        """Return what was decoded, with what is a label as one; what lacks a part of the name lacks its label."""
        if any(family is it for it in self._families):
            items = self._bare(items, asked=any(family is it for it in self._asked))
        if self._class is not None:
            return _with_labels(items, partial(operator.eq, self._class))
        return items if self._name is None else _with_labels(items, partial(_named, self._name))

    def _bare(self, items: Iterable[Item], *, asked: bool) -> Iterator[Item]:
        """Yield items with bare numbers as labels. Arrays of several axes may be anything, unless the caller knows."""
        for item in items:
            if isinstance(item, Batch) and item.field == ROOT and not item.encoded and item.width:
                kind, axes = item.values.dtype.kind, item.values.ndim - 1
                if (kind in "iub" and (asked or axes < 2)) or (kind == "f" and (asked or item.width == 1)):
                    item = replace(item, label=True, field="label")
            yield item


def _class_of(profile: Profile) -> str | None:
    """Return the one field whose name says that it is the number of a class, where no field is a label by its name.

    It is a part of each record, and not of the objects in it: some may have none.
    """
    names = list(fields(profile))
    if any(map(is_label_of_tree, names)) or any(it.label for it in profile.every):
        return None
    classes = [it for it in names if it.lower().replace("_", "").replace("-", "").replace(" ", "") in CLASSES]
    return classes[0] if len(classes) == 1 else None


def _with_labels(items: Iterable[Item], called: Callable[[str], bool]) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Batch):
            named = item.leaf and not item.encoded and item.width and item.values.dtype.kind in "iufb"
            yield replace(item, label=True) if named and called(item.field) else item
            continue
        row, finding = item
        lacks = finding.code == "fields" and finding.message == GONE and called(finding.field or "")
        yield (row, found("label", "no label; the other records have one", field=finding.field)) if lacks else item


@lru_cache(maxsize=256)
def _named(name: str, path: str) -> bool:
    return means("label-field", name, path)
