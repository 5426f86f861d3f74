"""Find labels that are recognised by their names only.

These are the parts of trees that `--label-field` names, and bare values in a family of labels. Such a family is one
whose keys contain a word for labels; its numbers may be pickled, or .npy arrays. If `--labels` bounds the labels and
the store has no such family or field, an integer under a name such as class_id is the label.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, partial

from datacheck.decoders import JOINT
from datacheck.decoders.interface import MISSING_MESSAGE
from datacheck.decoders.trees.paths import ROOT
from datacheck.decoders.trees.paths import is_label as is_label_of_tree
from datacheck.model.batch import Batch
from datacheck.model.finding import Finding, found
from datacheck.model.naming import field_names, name_matches
from datacheck.model.profile import FamilyProfile, Profile
from datacheck.model.settings import Settings
from datacheck.scanning.profile.recognition import is_label, words_of

Item = Batch | tuple[int, Finding]
CLASSES = frozenset(["classid", "clsid", "categoryid", "labelid", "classindex", "classidx", "labelindex", "labelidx"])
"""Names of class numbers, in lower case and without separators between the words."""
BARE = frozenset({"npy", "pickle", "msgpack", "json", "torch"})
"""The decoders of payloads that may be just a number or an array."""


class NamedLabels:
    """The labels of a store that are recognised by name, with a name that the caller gave or bounds of labels."""

    def __init__(self, profile: Profile, settings: Settings) -> None:
        self._name = name = settings.label_field
        bare = {it: family for it, family in profile.families.items() if family.decoder.rpartition(JOINT)[2] in BARE}
        self._families = [family for it, family in bare.items() if is_label(it, name)]
        self._asked = [family for it, family in bare.items() if name is not None and name.lower() in words_of(it)]
        bounded = settings.labels is not None and name is None and not self._families
        self._class = _class_of(profile) if bounded else None

    def marked(self, items: Iterable[Item], family: FamilyProfile) -> Iterable[Item]:
        """Return the decoded items, with labels marked as such.

        A finding that the named part is missing becomes one that the label is.
        """
        if any(family is it for it in self._families):
            items = self._with_bare_labels(items, asked=any(family is it for it in self._asked))
        if self._class is not None:
            return _with_labels(items, partial(operator.eq, self._class))
        return items if self._name is None else _with_labels(items, partial(_is_named, self._name))

    def _with_bare_labels(self, items: Iterable[Item], *, asked: bool) -> Iterator[Item]:
        """Yield items with bare numbers marked as labels.

        Arrays of several axes may be anything, unless the caller named their family.
        """
        for item in items:
            if isinstance(item, Batch) and item.field == ROOT and not item.encoded and item.width:
                kind, axes = item.values.dtype.kind, item.values.ndim - 1
                if (kind in "iub" and (asked or axes < 2)) or (kind == "f" and (asked or item.width == 1)):
                    item = replace(item, label=True, field="label")
            yield item


def _class_of(profile: Profile) -> str | None:
    """Return the only field named as a class number, or None if there are none or several, or any labels.

    Such a field belongs to the record and not to the objects in it, of which a record may have none.
    """
    names = list(field_names(profile))
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
        lacks = finding.code == "fields" and finding.message == MISSING_MESSAGE and called(finding.field or "")
        yield (row, found("label", "no label; the other records have one", field=finding.field)) if lacks else item


@lru_cache(maxsize=256)
def _is_named(name: str, path: str) -> bool:
    return name_matches("label-field", name, path)
