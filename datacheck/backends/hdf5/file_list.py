"""What an HDF5 source is made of: one file, the files of a folder, or those that a Caffe text list names.

Decided by the files' first bytes, without the HDF5 library.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from datacheck.backends.hdf5.superblock import SIGNATURE, offsets, superblock
from datacheck.backends.shared.magic import other_format
from datacheck.files.regular import NotRegular, TooLarge, irregular, open_regular, read_whole
from datacheck.files.retrying import pread
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

SUFFIXES = frozenset({".h5", ".hdf5", ".he5", ".h5ad"})
"""In a folder, a file with one of these that is no HDF5 file is a finding; all others are not ours."""
LIST_BYTES = 4 << 20
"""A larger text file is not taken for a list of files."""


@dataclass(frozen=True)
class Sources:
    """The HDF5 files in the order they are read, the name of each in reports (none for a single file), and faults."""

    files: tuple[Path, ...]
    names: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def sources(path: Path) -> Sources | None:
    """Return what is to be read at `path`, or None if no HDF5 lies there; raises OSError if `path` may not be read."""
    if path.is_dir():
        return _in_folder(path)
    if not path.is_file() or irregular(path) is not None:
        return None
    if is_hdf5(path):
        return Sources((path,))
    return _in_list(path)


def is_hdf5(path: Path) -> bool:
    """Say whether a file has a superblock's signature, or lost that and all else says that it was one of HDF5."""
    return has_signature(path) or superblock(path) is not None


def has_signature(path: Path) -> bool:
    with open_regular(path) as file:
        places = offsets(os.fstat(file.fileno()).st_size)
        return any(pread(file.fileno(), len(SIGNATURE), offset) == SIGNATURE for offset in places)


def _in_folder(folder: Path) -> Sources | None:
    within = sorted((entry for entry in folder.iterdir() if _may_be_file(entry)), key=lambda it: os.fsencode(it.name))
    return _sorted_out((os.fsencode(entry.name), entry) for entry in within)


def _may_be_file(entry: Path) -> bool:
    """Say whether an entry of a folder is a file, or by its name should be one, and not a pipe or a dangling link."""
    return entry.is_file() or (entry.suffix.lower() in SUFFIXES and not entry.is_dir())


def _in_list(path: Path) -> Sources | None:
    try:
        text = read_whole(path, LIST_BYTES)
    except TooLarge:
        return None
    if b"\0" in text:
        return None
    # Caffe reads the names with `>>`, so any white space ends one, and opens them relative to the working directory
    # (hdf5_data_layer.cpp, LayerSetUp).
    entries = dict.fromkeys(text.split())
    return _sorted_out(((entry, _listed(path.parent, entry)) for entry in entries), listed=True)


def _listed(folder: Path, entry: bytes) -> Path:
    as_caffe_does = Path(os.fsdecode(entry))
    try:
        there = as_caffe_does.exists()
    except OSError:  # a name that is too long: opening it says so
        there = True
    return as_caffe_does if there else folder / as_caffe_does


def _sorted_out(entries: Iterable[tuple[bytes, Path]], *, listed: bool = False) -> Sources | None:
    files: dict[Path, str] = {}
    findings = []
    for entry, file in entries:
        name = escape(entry)
        try:
            if is_hdf5(file):
                files.setdefault(file, name)
            elif listed or file.suffix.lower() in SUFFIXES:
                findings.append(_fault(name, "damaged-store", _why_not(file)))
        except FileNotFoundError:
            who = "the list names this file, but there is none" if listed else "is a link to a file that is not there"
            findings.append(_fault(name, "damaged-store", who))
        except NotRegular as exc:
            findings.append(_fault(name, "damaged-store", f"not an HDF5 file: it {exc.clause}"))
        except OSError as exc:
            if listed or file.suffix.lower() in SUFFIXES:
                findings.append(_fault(name, "unsupported", f"may not be read: {(exc.strerror or str(exc)).lower()}"))
    return Sources(tuple(files), tuple(files.values()), tuple(findings)) if files else None


def _why_not(file: Path) -> str:
    return f"not an HDF5 file: it {other_format(file) or 'has no HDF5 signature'}"


def _fault(name: str, code: str, message: str) -> Finding:
    made = found(code, f"{name}: {message}")
    return Finding(code=made.code, verdict=made.verdict, message=made.message, file=name)
