"""The conventions that datacheck knows, as a table with one module for each, and the function that recognises them."""

from __future__ import annotations

import importlib
from collections.abc import Collection

import msgspec

from datacheck.conventions.counts import counted
from datacheck.conventions.counts.aside import keys_aside
from datacheck.conventions.counts.clips_counted import clip_names
from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.keys.numbered_keys import FEW
from datacheck.conventions.keys.sequences import frames_in
from datacheck.conventions.keys.stem_parts import behind_names_in, mixed_stems_in, stems_in
from datacheck.conventions.keys.stems import Stems
from datacheck.conventions.set_stems import set_stems
from datacheck.errors import UsageError


class Row(msgspec.Struct, frozen=True):
    """A row of CONVENTIONS: the module whose `recognise` detects the convention, and the projects that follow it.

    With `asked`, the convention is only looked for if the user names it. A store that follows it has one of the keys in
    `marks`, or the file `beside` it; otherwise the module is not loaded. If a row has neither, its module looks at all
    stores. Conventions of HDF5 have no module: the reader recognises them by the structure of the files. `stays` is
    the reason why no record can be dropped, or empty if records can be dropped.
    """

    module: str
    by: str
    asked: bool = False
    marks: tuple[bytes, ...] = ()
    beside: bytes = b""
    stays: str = ""

    @property
    def of_hdf5(self) -> bool:
        return not self.module


CONVENTIONS: dict[str, Row] = {
    "ocr": Row(
        "datacheck.conventions.projects.ocr",
        "clovaai, PARSeq, PaddleOCR: image-, label- and num-samples",
        marks=(b"num-samples",),
    ),
    "stylegan2": Row(
        "datacheck.conventions.projects.stylegan2",
        "rosinality: pictures in several sizes, and length",
        marks=(b"length",),
    ),
    "latents": Row(
        "datacheck.conventions.projects.latents",
        "Self-Forcing: NAME_#_data of several names, and NAME_shape",
    ),
    "ase": Row(
        "datacheck.conventions.projects.ase",
        "ASE: rows of JSON from 1 on, nextid and deleted_ids",
        marks=(b"nextid",),
    ),
    "basicsr": Row(
        "datacheck.conventions.projects.basicsr",
        "BasicSR, MMagic, KAIR: pictures by name, and meta_info.txt",
        beside=b"meta_info.txt",
    ),
    "lmdbdict": Row(
        "datacheck.conventions.projects.lmdbdict",
        "lmdbdict: __keys__ is a set of keys that are pickled in the store",
        marks=(b"__key_dumps__",),
    ),
    "image-database": Row(
        "datacheck.conventions.projects.image_database",
        "GFSLT-VLP: pictures under pickled numbers, and a list of the keys",
        marks=(b"protocol",),
    ),
    "efficient-pytorch": Row(
        "datacheck.conventions.projects.efficient_pytorch",
        "Efficient-PyTorch: __keys__ and __len__",
        marks=(b"__len__",),
    ),
    "tensorpack": Row(
        "datacheck.conventions.projects.tensorpack",
        "tensorpack: records of eight digits, and __keys__",
        marks=(b"__keys__",),
    ),
    "cbramod": Row(
        "datacheck.conventions.projects.cbramod",
        "CBraMod: __keys__ has the keys of each set",
        marks=(b"__keys__",),
    ),
    "uniter": Row("datacheck.conventions.projects.uniter", "UNITER: __keys__ is a list in JSON", marks=(b"__keys__",)),
    "mmf": Row("datacheck.conventions.projects.mmf", "mmf, ViLBERT: keys is a pickled list", marks=(b"keys",)),
    "tape": Row("datacheck.conventions.projects.tape", "TAPE: num_examples is pickled", marks=(b"num_examples",)),
    "fairchem": Row("datacheck.conventions.projects.fairchem", "fairchem: length is pickled", marks=(b"length",)),
    "saprot": Row("datacheck.conventions.projects.saprot", "SaProt: length, and info", marks=(b"info",)),
    "atom3d": Row(
        "datacheck.conventions.projects.atom3d",
        "ATOM3D: num_examples, and id_to_idx",
        marks=(b"serialization_format",),
    ),
    "pytorch-fm": Row(
        "datacheck.conventions.projects.pytorch_fm",
        "pytorch-fm: keys of four bytes, and field_dims",
        marks=(b"field_dims",),
    ),
    "gr-1": Row(
        "datacheck.conventions.projects.gr1",
        "GR-1, Seer: steps of episodes, and cur_step",
        marks=(b"cur_step",),
    ),
    "key-list": Row("datacheck.conventions.listed", "the keys of the records in lists: __keys__, keys, train, ..."),
    "count": Row(
        "datacheck.conventions.counts.counted",
        "a number of records under length, num_examples, __len__, ..., or in __metadata__",
        marks=(*counted.NAMES, *counted.METADATA),
    ),
    "dense": Row(
        "datacheck.conventions.projects.dense",
        "numbers from 0 or 1 without a gap, which nothing counts",
        asked=True,
    ),
    "robomimic": Row("", "HDF5 of robomimic, robosuite, LIBERO, IsaacLab: data/demo_N, counts, mask"),
    "act": Row("", "HDF5 of ALOHA, ACT: an episode in a file, action beside observations"),
    "episodes": Row("", "HDF5 of diffusion policy: the ends or lengths of episodes beside their rows"),
    "anndata": Row("", "HDF5 of anndata: X, obs, var, layers"),
    "tenx": Row("", "HDF5 of 10x Genomics: barcodes beside a sparse matrix"),
    "loom": Row(
        "",
        "HDF5 of loompy: genes in rows, cells in columns",
        stays="a row of /matrix is a gene, and a column is a cell: neither goes alone",
    ),
    "netcdf": Row("", "netCDF-4: dimensions, and values for what is missing"),
    "matlab": Row("", "MATLAB 7.3: samples on the last axis, cells"),
    "pandas": Row("", "HDF5 of pandas: frames and series"),
    "neuraltalk2": Row("", "HDF5 of neuraltalk2: the first and last caption of each picture"),
    "table": Row("", "HDF5: datasets with like names are columns", asked=True),
    "per-sample": Row("", "HDF5: datasets with like names are a record each", asked=True),
}
"""The conventions by name, named ones first: a record that belongs to one of them cannot belong to a later one."""


NUMBERED = 0.9
"""Share of sampled keys with a number, in few patterns, from which on no texts are tried to identify the samples."""
NONE = "none"
"""Stands for no convention in options that take names of conventions."""


def recognised(store: StoreView, wanted: tuple[str, ...] = (), met: set[str] | None = None) -> list[Convention]:
    """Return the conventions that the keys of one database follow; if some are `wanted`, only those.

    The names of all conventions that it follows are added to `met`.
    """
    if wanted == (NONE,):
        return []
    result = _detected(store, wanted, met)
    result = [_with_further(it, result, store) for it in result]
    result = [_with_aside(it, result, store) for it in result]
    of_sets = None if any(it.named for it in result) else set_stems(store)
    if of_sets is not None:
        result = [msgspec.structs.replace(it, parts=(), further=()) for it in result]
    stems = _stems(store, result) if of_sets is None else of_sets
    if stems is not None:
        result = [it if it.named else msgspec.structs.replace(it, stems=stems) for it in result]
    return result if result or wanted else _suggested(store, stems)


def _detected(store: StoreView, wanted: tuple[str, ...], met: set[str] | None) -> list[Convention]:
    """Return the conventions of CONVENTIONS that a store follows, without those that share a record with another."""
    result: list[Convention] = []
    rows = {it: row for it, row in CONVENTIONS.items() if not row.of_hdf5}
    rows = {it: row for it, row in rows.items() if (it in wanted if wanted else not row.asked)}
    present = _marks_present(rows.values(), store)
    for name, row in rows.items():
        if (row.marks or row.beside) and present.isdisjoint((*row.marks, row.beside)):
            continue
        convention: Convention | None = importlib.import_module(row.module).recognise(store)
        if convention is None:
            continue
        if met is not None:
            met.add(name)
        if not any(convention.own & other.own for other in result):
            result.append(convention)
    return result


def _marks_present(rows: Collection[Row], store: StoreView) -> set[bytes]:
    """Return the keys and files that mark a convention and exist.

    The keys are looked up in order: if the store has no keys after one of them, the rest are not looked for.
    """
    marks = sorted({it for row in rows for it in row.marks})
    files = {row.beside for row in rows if row.beside}
    return {it for it in marks if store.value(it) is not None} | {it for it in files if store.file(it) is not None}


def require_met(wanted: tuple[str, ...], met: Collection[str]) -> None:
    """Raise UsageError if a wanted convention was found in no database of a store."""
    for name in wanted:
        if name != NONE and name not in met:
            by = CONVENTIONS[name].by
            raise UsageError(f"the store does not keep the convention {name} ({by}), which --convention names")


def _with_further(convention: Convention, conventions: list[Convention], store: StoreView) -> Convention:
    """Return a convention; if it is named and counts, add the patterns of keys that projects may add to its parts."""
    if not convention.named or not convention.parts or convention.base is None:
        return convention
    known = {it for one in conventions for it in one.parts}
    return msgspec.structs.replace(convention, further=tuple(it for it in store.frequent if it not in known))


def _with_aside(convention: Convention, conventions: list[Convention], store: StoreView) -> Convention:
    """Return a convention, with the keys of records about others, and the clips that the others are frames of."""
    if convention.named or not (convention.counts or convention.lists):
        return convention
    own = frozenset().union(*(it.own for it in conventions))
    aside = keys_aside(store, own)
    clips = clip_names(store.keys, own | aside) if convention.counts else None
    return msgspec.structs.replace(convention, aside=aside, clips=clips)


def _stems(store: StoreView, conventions: list[Convention]) -> Stems | None:
    """Return the endings of the keys of a sample, or None if numbers identify the samples or no endings do."""
    numbered = sum(store.patterns[it] for it in store.frequent)
    if len(store.frequent) <= FEW and numbered >= NUMBERED * len(store.keys):
        return None
    own = frozenset().union(*(it.own for it in conventions))
    keys = [key for key in store.keys if key not in own]
    counted = any(it.counts for it in conventions)
    stems = stems_in(keys) or behind_names_in(keys) or mixed_stems_in(keys, counted=counted)
    return None if stems is None or len(stems.every) == len(store.frequent) else stems


def _suggested(store: StoreView, stems: Stems | None) -> list[Convention]:
    """Return a convention without a name for a store that follows none, if its keys suggest samples or sequences."""
    if stems is not None:
        return [Convention("", named=False, stems=stems)]
    if len(store.parts) > 1:
        return [Convention("", store.parts, named=False)]
    frames = frames_in(store.keys)
    return [] if frames is None else [Convention("", named=False, frames=frames)]
