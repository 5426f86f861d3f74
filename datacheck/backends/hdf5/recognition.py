"""Recognise the conventions for the layout of HDF5 files that a file follows.

robomimic: groups `data/demo_N` with counts or lists of them (robosuite, LIBERO, IsaacLab). ACT: `action` beside
`observations/...`, one episode per file. Episodes: the ends or lengths of episodes beside their rows (diffusion policy,
LeRobot). anndata and 10x: cells in rows, often sparse; loom: cells in columns. netCDF-4, MATLAB 7.3 and pandas mark
their files themselves. neuraltalk2: the first and last caption of each picture.
"""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.backends.hdf5.formats import loom
from datacheck.backends.hdf5.formats.encoded import ENCODING
from datacheck.backends.hdf5.meaning import Facts, Meaning

NETCDF_FILE, NETCDF_DIMENSION = b"_NCProperties", b"_Netcdf4Dimid"
"""Attributes of a file and of a dataset by which netCDF-4 recognises its own files."""
DEMOS, MASKS = b"/data", b"/mask"
ACT_ACTION, ACT_OBSERVATIONS = b"/action", b"/observations/"
EPISODES = frozenset(
    (b"episode_ends", b"episode_starts", b"episode_lengths", b"episode_index", b"ep_offset", b"ep_len", b"episode_len")
)
CELLS = frozenset((b"barcodes", b"data", b"indices", b"indptr"))
CAPTIONS = frozenset((b"/label_start_ix", b"/label_end_ix"))


def conventions(facts: Facts, means: Meaning) -> Iterator[str]:
    """Yield the names of the conventions that a file follows."""
    datasets = {it.path: it for _, some in facts.groups for it in some}
    groups = {path for path, _ in facts.groups}
    if _has_demos(means, groups):
        yield "robomimic"
    if ACT_ACTION in datasets and any(path.startswith(ACT_OBSERVATIONS) for path in datasets):
        yield "act"
    if any(it.path.rpartition(b"/")[2] in EPISODES for it in means.numbers):
        yield "episodes"
    if _cells_of_anndata(facts, means, {*datasets, *groups}):
        yield "anndata"
    if any({it.name for it in some} >= CELLS for _, some in facts.groups):
        yield "tenx"
    if loom.is_loom({path: it.shape for path, it in datasets.items()}):
        yield "loom"
    if facts.netcdf:
        yield "netcdf"
    if any(it.matlab for it in datasets.values()):
        yield "matlab"
    if facts.frames:
        yield "pandas"
    if datasets.keys() >= CAPTIONS:
        yield "neuraltalk2"


def _has_demos(means: Meaning, groups: set[bytes]) -> bool:
    demos = any(it.rpartition(b"/")[0] == DEMOS for it in means.samples)
    return demos and (MASKS in groups or any(it.path.startswith(DEMOS) for it in means.counts))


def _cells_of_anndata(facts: Facts, means: Meaning, paths: set[bytes]) -> bool:
    """Check whether a file is anndata's: by its encoding attribute or, for older versions, by its contents."""
    return facts.look.text(b"/", ENCODING) == "anndata" or (means.cells is not None and {b"/obs", b"/var"} <= paths)
