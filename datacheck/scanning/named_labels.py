"""Parts of pickles, JSON and msgpack that `--label-field` names: they are judged as labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from datacheck.decoders.trees.differences import GONE
from datacheck.model.batch import Batch
from datacheck.model.finding import Finding, found
from datacheck.model.naming import means

Item = Batch | tuple[int, Finding]


def with_labels(items: Iterable[Item], name: str | None) -> Iterable[Item]:
    """Return what was decoded, with the parts of that name as labels; a record without the part lacks its label."""
    return items if name is None else _with_labels(items, name)


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
