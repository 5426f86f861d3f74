"""The conventions that datacheck knows, as a table with one module for each.

The workers of every scan import this package, so what recognises the conventions is in `recognising`.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from datacheck.conventions.counts.count_names import METADATA, NAMES
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
        marks=(*NAMES, *METADATA),
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

NONE = "none"
"""Stands for no convention in options that take names of conventions."""


def require_met(wanted: tuple[str, ...], met: Collection[str]) -> None:
    """Raise UsageError if a wanted convention was found in no database of a store."""
    for name in wanted:
        if name != NONE and name not in met:
            by = CONVENTIONS[name].by
            raise UsageError(f"the store does not keep the convention {name} ({by}), which --convention names")
