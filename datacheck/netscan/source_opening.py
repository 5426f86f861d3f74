"""Find and open the source that a layer names; a source that Caffe would not find or open is a finding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from datacheck.backends import BACKENDS, open_store
from datacheck.backends.image_list import ImageListReader
from datacheck.backends.interface import Reader, StoreOptions
from datacheck.caffe.net_sources import DATABASES, NetSource
from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable
from datacheck.files.regular import TooLarge, irregular, is_regular, read_whole, real_path
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found
from datacheck.netscan.caffe_behaviour import SENTENCES
from datacheck.netscan.layer_checks import problem

LIST_BYTES = 64 << 20
"""Largest file, in bytes, that is taken for a list of HDF5 files."""
NO_FILE = "aborts in hdf5_data_layer.cpp:32, Failed opening HDF5 file, with the file's name"


@dataclass(frozen=True)
class Places:
    """The folders for looking up names: the working directory of the training, then the folder of the prototxt."""

    root: Path
    folder: Path

    def find(self, name: str) -> tuple[Path, bool]:
        """Return the path of what is named, and whether it is only beside the prototxt."""
        path = self.root / name
        try:
            beside = not path.exists() and (self.folder / name).exists()
        except (OSError, ValueError):  # the name is too long, or contains NUL
            beside = False
        return (self.folder / name, True) if beside else (path, False)


@dataclass(frozen=True)
class Opened:
    """What a layer reads: its path, the reader (None if there is nothing to read), and the findings about it."""

    path: Path
    reader: Reader | None
    findings: list[Finding] = field(default_factory=list)
    beside: bool = False
    files: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()


def open_source(source: NetSource, places: Places, options: StoreOptions) -> Opened:
    """Open what a layer names; `options` apply to HDF5."""
    path, beside = places.find(source.path)
    if not source.readable:
        text = f"{source.type}, which datacheck does not read"
        return Opened(path, None, [found("unsupported", text, caffe=SENTENCES["elsewhere"])], beside)
    if not source.path:
        return Opened(path, None, [problem("layer", "source is missing", "aborts at set-up")])
    try:
        if source.type in DATABASES:
            return _open_database(source, path, beside)
        _need_file(path)
        if source.type == "ImageData":
            reader = ImageListReader(path, places.folder if beside else places.root, source.pictures.root_folder)
            return Opened(path, reader, [], beside)
        return _open_hdf5(path, places, beside, options)
    except SourceMissing:
        where = "" if places.root == Path() else f" from {places.root}"
        text = f"there is nothing at {plain(source.path)}{where}; names are relative to where the training is started"
        return Opened(path, None, [problem("missing", text, NOT_THERE[source.backend or source.type])])
    except (OSError, ValueError) as exc:
        text = f"{plain(source.path)}: may not be read: {getattr(exc, 'strerror', None) or exc}"
        return Opened(path, None, [found("unsupported", text, caffe=SENTENCES["elsewhere"])], beside)
    except SourceUnreadable as exc:
        return Opened(path, None, [found("unsupported", str(exc), caffe=SENTENCES["elsewhere"])], beside)
    except SourceUnknown as exc:
        return Opened(
            path, None, [problem("damaged-store", str(exc), NOT_A_STORE[source.backend or source.type])], beside
        )


NOT_THERE = {
    "lmdb": "aborts in db_lmdb.hpp:15, mdb_status == 0 (2 vs. 0) No such file or directory",
    "leveldb": "aborts in db_leveldb.cpp:16, Failed to open leveldb",
    "HDF5Data": "aborts at set-up, Failed to open source file",
    "ImageData": "aborts at set-up: the list has no line",
}
NOT_A_STORE = {
    "lmdb": "aborts in db_lmdb.hpp:15, MDB_INVALID: File is not an LMDB file",
    "leveldb": "aborts in db_leveldb.cpp:16, Failed to open leveldb",
    "HDF5Data": NO_FILE,
    "ImageData": "aborts at set-up: the list has no line",
}


def _need_file(path: Path) -> None:
    if not path.exists():
        raise SourceMissing(str(path))
    special = irregular(path)
    if special is not None or not path.is_file():
        raise SourceUnknown(str(path), special or "is not a file, but a list is wanted")


def _open_database(source: NetSource, path: Path, beside: bool) -> Opened:
    reader = open_store(path)
    findings = []
    if reader.backend != source.backend:
        default = " (the default)" if source.backend == "leveldb" else ""
        backend_name = (source.backend or "").upper()
        text = f"backend is {backend_name}{default}, but {BACKENDS[reader.backend].noun} lies there"
        caffe = "aborts in db_leveldb.cpp:16" if source.backend == "leveldb" else "aborts in db_lmdb.hpp:15"
        findings.append(problem("layer", text, caffe))
    return Opened(path, reader, findings, beside)


def _open_hdf5(path: Path, places: Places, beside: bool, options: StoreOptions) -> Opened:
    from datacheck.backends.hdf5.in_folders import has_signature
    from datacheck.backends.hdf5.reader import Hdf5Reader

    if has_signature(path):
        text = "the source is an HDF5 file itself; Caffe wants a text file with the names of such files"
        reader = Hdf5Reader(path, (path,), (), (), options)
        return Opened(path, reader, [problem("list-line", text, NO_FILE)], beside, (path,), (path.name,))
    try:
        content = read_whole(path, LIST_BYTES)
    except TooLarge:
        content = b"\0"
    if b"\0" in content:
        raise SourceUnknown(str(path), "is binary, not a list of HDF5 files")
    findings: list[Finding] = []
    files: dict[Path, str] = {}
    for name, file_path, finding in _list_entries(path, content, places):
        if finding is not None:
            findings.append(msgspec.structs.replace(finding, file=name))
        elif file_path is not None:
            files.setdefault(file_path, name)
    if not content.split():
        findings.append(problem("missing", "the list names no file", "aborts in hdf5_data_layer.cpp:96"))
    list_reader = Hdf5Reader(path, tuple(files), tuple(files.values()), (), options) if files else None
    return Opened(path, list_reader, findings, beside, tuple(files), tuple(files.values()))


def _list_entries(path: Path, text: bytes, places: Places) -> Iterator[tuple[str, Path | None, Finding | None]]:
    """Yield the name, the path and the finding for each file of a list; white space ends a name, as in Caffe."""
    from datacheck.backends.hdf5.in_folders import has_signature

    for line in text.splitlines():
        words = line.split()
        if len(words) > 1:
            line_path, _ = places.find(os.fsdecode(line.strip()))
            if is_regular(line_path):
                name = escape(line.strip())
                message = f"a name with white space in it: Caffe takes it for {len(words)} names"
                yield name, None, problem("list-line", message, NO_FILE)
                yield name, line_path, None
                continue
        for word in words:
            name = escape(word)
            file, beside = places.find(os.fsdecode(word))
            if not beside and not is_regular(file) and is_regular(path.parent / os.fsdecode(word)):
                file = path.parent / os.fsdecode(word)
            if (special := irregular(file)) is not None:
                yield name, None, problem("damaged-store", f"{name}: {special}", NO_FILE)
            elif not is_regular(file):
                yield name, None, problem("missing", f"{name}: the list names this file, but there is none", NO_FILE)
            elif not has_signature(file):
                yield name, None, problem("damaged-store", f"{name}: not an HDF5 file: it has no signature", NO_FILE)
            else:
                yield name, file, None


def opened_twice(sources: list[tuple[NetSource, Opened]]) -> Iterator[tuple[int, Finding]]:
    """Yield the number of each layer that shares its LevelDB with another, and a finding: it can be opened once."""
    numbers_by_path: dict[Path, list[int]] = {}
    for number, (_, opened) in enumerate(sources):
        if opened.reader is not None and opened.reader.backend == "leveldb":
            numbers_by_path.setdefault(real_path(opened.path), []).append(number)
    for numbers in numbers_by_path.values():
        for number in numbers if len(numbers) > 1 else ():
            other = sources[numbers[numbers[0] == number]][0].name
            text = f"the layer {other} reads the same LevelDB, which can be opened once only"
            yield number, problem("layer", text, "aborts in db_leveldb.cpp:16, the LOCK is taken")
