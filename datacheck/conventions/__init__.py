"""The conventions datacheck knows: one file each, a literal table, and `recognised`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from datacheck.conventions.interface import Convention, StoreView
from datacheck.errors import UsageError


@dataclass(frozen=True)
class Row:
    """A row of CONVENTIONS: the module whose `recognise` tells it, and who keeps to it; `asked` if only when named."""

    module: str
    by: str
    asked: bool = False


CONVENTIONS: dict[str, Row] = {
    "ocr": Row("datacheck.conventions.ocr", "clovaai, PARSeq, PaddleOCR: image-, label- and num-samples"),
    "stylegan2": Row("datacheck.conventions.stylegan2", "rosinality: pictures in several sizes, and length"),
    "latents": Row("datacheck.conventions.latents", "Self-Forcing: NAME_#_data of several names, and NAME_shape"),
    "ase": Row("datacheck.conventions.ase", "ASE: rows of JSON from 1 on, nextid and deleted_ids"),
    "key-list": Row("datacheck.conventions.listed", "the keys of the records in a list: __keys__, keys"),
    "count": Row("datacheck.conventions.counted", "a number of records under length, num_examples, __len__, ..."),
    "dense": Row("datacheck.conventions.dense", "numbers from 0 or 1 without a gap, which nothing counts", asked=True),
}
"""The conventions by name, named ones first: a record that is one's own is no other's."""


NONE = "none"
"""Stands for no convention where their names are given."""


def recognised(store: StoreView, wanted: tuple[str, ...] = ()) -> list[Convention]:
    """Return the conventions of a store; with some `wanted`, those.

    Raises UsageError for one that is wanted, and that this store does not have.
    """
    made: list[Convention] = []
    if wanted == (NONE,):
        return made
    for name, row in CONVENTIONS.items():
        if name not in wanted if wanted else row.asked:
            continue
        convention: Convention | None = importlib.import_module(row.module).recognise(store)
        if convention is None and wanted:
            raise UsageError(f"the store does not keep the convention {name} ({row.by}), which --convention names")
        if convention is not None and not any(convention.own & other.own for other in made):
            made.append(convention)
    if not made and not wanted and len(store.patterns) > 1:
        made.append(Convention("", tuple(store.patterns), named=False))
    return made
