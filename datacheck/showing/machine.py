"""Report what datacheck can do on this machine: libraries, HDF5 filters, limits, and what is missing."""

from __future__ import annotations

import importlib
import os
import platform
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from datacheck._version import __version__
from datacheck.backends.hdf5.library.known_filters import OTHERS, SHIPPED
from datacheck.engines import start_engine
from datacheck.errors import ReportFailed, WorkersFailed
from datacheck.files.scratch import scratch_file
from datacheck.reporting.summary import amount
from datacheck.scanning.settings.make_settings import cores
from datacheck.workers.interface import Death, Watch
from datacheck.workers.limits import memory_limit
from datacheck.workers.templates import WORKER_BYTES


@dataclass(frozen=True)
class Library:
    """A library: the names of its distribution and module, its purpose, and how to get it if it is optional.

    `also` is the name of a distribution that will do instead. A `heavy` library is not loaded to see whether it works.
    """

    name: str
    module: str
    brings: str
    get: str | None = None
    also: str | None = None
    heavy: bool = False


LIBRARIES = (
    Library("numpy", "numpy", "arrays"),
    Library("lmdb", "lmdb", "LMDB"),
    Library("h5py", "h5py", "HDF5"),
    Library("Pillow", "PIL.Image", "pictures other than JPEG"),
    Library("simplejpeg", "simplejpeg", "JPEG"),
    Library("google-crc32c", "google_crc32c", "checksums of LevelDB"),
    Library("cramjam", "cramjam", "snappy, zstd and lz4"),
    Library("deflate", "deflate", "gzip of HDF5"),
    Library("msgspec", "msgspec", "reports"),
    Library("protobuf", "google.protobuf", "prototxt"),
    Library("cloudpickle", "cloudpickle", "validators of scripts and notebooks"),
    Library("xxhash", "xxhash", "checksums, and comparing a copy with its source"),
    Library("tqdm", "tqdm", "the progress bar"),
    Library("plyvel", "plyvel", "writing LevelDB; reading needs nothing", "pip install 'datacheck-ml[leveldb]'"),
    Library("hdf5plugin", "hdf5plugin", "HDF5 filters beyond gzip", "pip install 'datacheck-ml[hdf5plugin]'"),
    Library("matplotlib", "matplotlib", "pictures of lint and log", "pip install 'datacheck-ml[plot]'"),
    Library("numba", "numba", "a closer look at JPEGs", "pip install 'datacheck-ml[strict]'"),
    Library("distributed", "distributed", "scans on a Dask cluster", "pip install 'datacheck-ml[dask]'"),
    Library("blosc", "blosc", "payloads in blosc", "pip install 'datacheck-ml[blosc]'", also="blosc2"),
    Library("blosc2", "blosc2", "payloads in Blosc2", "pip install 'datacheck-ml[blosc2]'"),
    Library("pyarrow", "pyarrow", "payloads of Arrow", "pip install 'datacheck-ml[arrow]'"),
    Library("torch", "torch", "datacheck.torch.skip_bad() in Python", "pip install torch", heavy=True),
    Library("pandas", "pandas", "report.to_pandas() in Python", "pip install pandas"),
)
"""All libraries that datacheck uses; those without `get` are required."""
FEW_FILES = 256
"""Limit of open files below which large stores of many tables cannot be read."""


@dataclass(frozen=True)
class Stock:
    """What a worker found out: why installed libraries could not be loaded, and what h5py and lmdb can do."""

    broken: dict[str, str]
    hdf5: str | None
    lmdb: str | None
    filters: frozenset[int]


def take_stock(modules: tuple[str, ...], watch: Watch) -> Stock:
    """Load libraries, and find out what they can do. Runs in a worker: a broken library may end its process."""
    broken: dict[str, str] = {}
    for name in modules:
        watch.note(name)
        try:
            importlib.import_module(name)
        except Exception as exc:  # noqa: BLE001  (a broken installation raises anything)
            broken[name] = f"{type(exc).__name__}: {exc}"
    hdf5, filters = None, frozenset[int]()
    if "h5py" in modules and "h5py" not in broken:
        from datacheck.backends.hdf5.file import library, provide_filters

        provide_filters()
        h5py = library()
        hdf5 = h5py.version.hdf5_version
        filters = frozenset(it for it in (*SHIPPED, *OTHERS) if h5py.h5z.filter_avail(it))
    lmdb = None
    if "lmdb" in modules and "lmdb" not in broken:
        lmdb = ".".join(map(str, importlib.import_module("lmdb").version()))
    return Stock(broken, hdf5, lmdb, filters)


@dataclass(frozen=True)
class Diagnosis:
    """The lines about this machine, and whether all that is required works."""

    lines: tuple[str, ...]
    sound: bool


def diagnose() -> Diagnosis:
    """Return what datacheck can do on this machine, and how to get what is missing."""
    versions = {it.name: version for it in LIBRARIES if (version := version_of(it)) is not None}
    stock = _stock_of_worker(tuple(it.module for it in LIBRARIES if it.name in versions and not (it.also or it.heavy)))
    missing = [it for it in LIBRARIES if it.name not in versions]
    broken = [it for it in LIBRARIES if it.module in stock.broken]
    lines = [
        f"datacheck {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"  installed in {Path(__file__).parents[1]}, run by {sys.executable}",
        "libraries",
        *(
            f"  {it.name} {versions[it.name]}: {it.brings}{_version_clause(it, stock)}"
            for it in LIBRARIES
            if it.name in versions
        ),
        "HDF5 filters",
        f"  installed: {', '.join(['gzip', 'shuffle', 'fletcher32', *_filter_names(stock, available=True)])}",
        f"  not installed: {', '.join(_filter_names(stock, available=False)) or 'none of those that are known'}",
        "limits",
        *(f"  {it}" for it in _limit_lines()),
        "missing",
        *(f"  {it.name}: {it.brings}: {it.get or f'pip install {it.name} (required)'}" for it in missing),
        *(f"  {it.name} is installed and cannot be loaded: {stock.broken[it.module]}" for it in broken),
    ]
    if not (missing or broken):
        lines.append("  nothing")
    return Diagnosis(tuple(lines), not any(it.get is None for it in (*missing, *broken)))


def version_of(library: Library) -> str | None:
    """Return the version of an installed library, or of the one that will do instead; None if neither is installed."""
    for name in (library.name, library.also):
        if name is not None:
            try:
                return metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
    return None


def _stock_of_worker(modules: tuple[str, ...]) -> Stock:
    """Take stock in a worker; a library that ends the worker is broken, and is left out the next time."""
    broken: dict[str, str] = {}
    try:
        while True:
            remaining = tuple(it for it in modules if it not in broken)
            with start_engine(take_stock, 1) as pool:
                ((_, result),) = pool.run([remaining])
            if isinstance(result, Stock):
                return Stock({**broken, **result.broken}, result.hdf5, result.lmdb, result.filters)
            assert isinstance(result, Death)
            if result.note not in remaining:
                return Stock({**broken, **dict.fromkeys(remaining, f"a worker ended with {result.signal}")}, *_NOTHING)
            broken[result.note] = f"loading it ends the process with {result.signal}"
    except WorkersFailed as exc:
        return Stock(dict.fromkeys(modules, str(exc)), *_NOTHING)


_NOTHING = (None, None, frozenset[int]())


def _version_clause(library: Library, stock: Stock) -> str:
    version = {"h5py": stock.hdf5, "lmdb": stock.lmdb}.get(library.name)
    return f" (the library itself is {version})" if version else ""


def _filter_names(stock: Stock, *, available: bool) -> Iterator[str]:
    """Yield the filters that are available, or those that are not, with the package that has them."""
    for number, name in {**SHIPPED, **OTHERS}.items():
        if (number in stock.filters) is available:
            yield name if available else f"{name} ({'hdf5plugin' if number in SHIPPED else 'no package known'})"


def _limit_lines() -> Iterator[str]:
    count = os.cpu_count() or 1
    yield f"cores: {cores()} of {count} for this process" if cores() < count else f"cores: {count}"
    memory = memory_limit(WORKER_BYTES)
    yield f"memory of a worker: {memory.words}; the machine has {amount(_physical_memory())}"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few_clause = "; that is few: ulimit -n allows more" if 0 <= hard < FEW_FILES else ""
    yield f"open files: {_limit_text(soft)}, of at most {_limit_text(hard)}{few_clause}"
    processor = resource.getrlimit(resource.RLIMIT_CPU)[0]
    if processor != resource.RLIM_INFINITY:
        yield f"processor time: {processor} s for each process (ulimit -t)"
    yield f"temporary files: {_temporary_space()}"


def _limit_text(limit: int) -> str:
    return "any number" if limit == resource.RLIM_INFINITY else f"{limit:,}"


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _temporary_space() -> str:
    """Return how much room there is for temporary files, or why there is none."""
    try:
        with scratch_file() as file:
            room = os.fstatvfs(file.fileno())
    except ReportFailed as exc:
        return str(exc)
    return f"{amount(room.f_bavail * room.f_frsize)} free"
