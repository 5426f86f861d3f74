"""Find the files of an HDF5 source: one file, or the files that a Caffe text list names.

Files are recognised by their contents, without the HDF5 library. Folders are searched elsewhere (`folder`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from datacheck.backends.folder import of_file, why_not
from datacheck.backends.hdf5.in_folders import SUFFIXES, is_hdf5
from datacheck.errors import SourceUnknown
from datacheck.files.fetching import fetch_advice
from datacheck.files.regular import NotRegular, TooLarge, irregular, read_whole, url_scheme
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found

LIST_BYTES = 4 << 20
"""Largest text file that may be a list of files, in bytes."""


class Sources(msgspec.Struct, frozen=True):
    """The HDF5 files in reading order, their names in reports (empty for a single file), and the findings."""

    files: tuple[Path, ...]
    names: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def sources(path: Path) -> Sources | None:
    """Return the files to read at `path`, or None if there is no HDF5. Raises OSError if `path` cannot be read."""
    if not path.is_file() or irregular(path) is not None:
        return None
    if is_hdf5(path):
        return Sources((path,))
    return _sources_in_list(path)


def _sources_in_list(path: Path) -> Sources | None:
    try:
        text = read_whole(path, LIST_BYTES)
    except TooLarge:
        return None
    if b"\0" in text:
        return None
    # Caffe reads the names with `>>`, so white space separates them. It opens them relative to the working directory
    # (hdf5_data_layer.cpp, LayerSetUp).
    entries = dict.fromkeys(text.split())
    return _sources_of_entries(path, ((entry, _listed_path(path.parent, entry)) for entry in entries))


def _listed_path(folder: Path, entry: bytes) -> Path:
    as_caffe_does = Path(os.fsdecode(entry))
    try:
        exists = as_caffe_does.exists()
    except OSError:  # the name is too long: opening the file will report that
        exists = True
    return as_caffe_does if exists else folder / as_caffe_does


def _url_error(listed: Path, name: str) -> SourceUnknown:
    """Return the error for a URL in a list. Remote files are not checked, and a URL is never the path of a file."""
    clause = f"names the URL {plain(name)}, and datacheck reads files of this machine"
    return SourceUnknown(
        str(listed), f"{clause}; {fetch_advice(url_scheme(name) or '')}, and name the copy in the list"
    )


def _sources_of_entries(listed: Path, entries: Iterable[tuple[bytes, Path]]) -> Sources | None:
    files: dict[Path, str] = {}
    findings = []
    named_hdf5 = missing = 0
    url = None
    for entry, file in entries:
        named_hdf5 += Path(file.name.partition("?")[0]).suffix.lower() in SUFFIXES
        if url_scheme(os.fsdecode(entry)) is not None:
            url = url or os.fsdecode(entry)
            continue
        try:
            if is_hdf5(file):
                files.setdefault(file, escape(entry))
            else:
                findings.append(of_file(entry, "damaged-store", why_not(file, "HDF5")))
        except FileNotFoundError:
            missing += 1
            findings.append(of_file(entry, "damaged-store", "the list names this file, but there is none"))
        except NotRegular as exc:
            findings.append(of_file(entry, "damaged-store", f"not an HDF5 file: it {exc.clause}"))
        except OSError as exc:
            findings.append(of_file(entry, "unsupported", f"may not be read: {(exc.strerror or str(exc)).lower()}"))
    if url is not None and (files or named_hdf5):
        raise _url_error(listed, url)
    if files:
        return Sources(tuple(files), tuple(files.values()), tuple(findings))
    if not findings or named_hdf5 < len(findings):  # other words, so the text is not a list
        return None
    if missing == len(findings):
        count = "the one file" if missing == 1 else f"none of the {missing:,} files"
        message = (
            f"{count} that the list names is {'not ' if missing == 1 else ''}there; the first is {findings[0].file}"
        )
        findings = [found("missing", f"{message}. Names count from the working directory, or from the list's folder")]
    return Sources((), (), tuple(findings))
