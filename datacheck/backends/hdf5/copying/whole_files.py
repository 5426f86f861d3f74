"""Copy files as they are: HDF5 files that do not change, and what lies beside them."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from datacheck.backends.hdf5.copying.companions import Lost, beside, folders, links
from datacheck.backends.hdf5.copying.digest import hashing
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.files.disk import flush
from datacheck.files.modes import restrict_permissions
from datacheck.files.past_cache import copy_file, pieces_of

Marks = Generator[tuple[bytes, float], None, str]
"""Yields the path of a dataset with the share of it that is done, and returns a digest."""


def copy_bytes(source: Path, target: Path) -> Marks:
    """Copy a file as it is and flush it to disk; yield the share done, return the digest of what was read."""
    account = hashing()
    for share in copy_file(source, target, account.update):
        yield b"", share
    restrict_permissions(target, source.stat().st_mode)
    return account.hexdigest()


def digest_bytes(file: Path) -> Marks:
    """Read a file again; yield the share done, return the digest of what was read."""
    account = hashing()
    for piece, share in pieces_of(file):
        account.update(piece)
        yield b"", share
    return account.hexdigest()


def drained(marks: Marks) -> str:
    while True:
        try:
            next(marks)
        except StopIteration as stop:
            digest: str = stop.value
            return digest


def copy_others(
    reader: Hdf5Reader, target: Path, names: Sequence[str], lost: Lost, amended: Mapping[Path, bytes]
) -> bytes:
    """Make the target's folder with all that lies beside the HDF5 files, or with the list; return text for the digest.

    `amended` has the bytes of files that differ from those in the source, by their paths in it.
    """
    target.mkdir()
    if not reader.path.is_dir():
        text = b"".join(os.fsencode(name) + b"\n" for name in names)
        (target / reader.path.name).write_bytes(text)
        sync(target / reader.path.name)
        return text
    for within in folders(reader, lost):
        (target / within).mkdir(exist_ok=True)
    lines = []
    for relative in beside(reader, lost):
        source, copy = reader.path / relative, target / relative
        if relative in amended:
            copy.write_bytes(amended[relative])
            restrict_permissions(copy, source.stat().st_mode)
            flush(copy)
            lines.append(f"{relative}\0{hashing(amended[relative]).hexdigest()}\0")
            continue
        lines.append(f"{relative}\0{drained(copy_bytes(source, copy))}\0")
    for relative, link_target in links(reader).items():
        (target / relative).symlink_to(link_target)
        lines.append(f"{relative}\0-> {link_target}\0")
    for folder, _, _ in os.walk(target):
        sync(Path(folder))
    return "".join(lines).encode("utf-8", "surrogateescape")


def digest_of_others(reader: Hdf5Reader, target: Path, lost: Lost) -> bytes:
    if not reader.path.is_dir():
        return (target / reader.path.name).read_bytes()
    lines = [f"{relative}\0{drained(digest_bytes(target / relative))}\0" for relative in beside(reader, lost)]
    lines += [f"{relative}\0-> {(target / relative).readlink()}\0" for relative in links(reader)]
    return "".join(lines).encode("utf-8", "surrogateescape")


def sync(path: Path) -> None:
    """Flush a file or the entries of a folder to disk, and the entry of the path itself."""
    flush(path)
    flush(path.parent)
