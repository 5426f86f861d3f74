"""Refuse to write over files that a command reads, or that it writes for another option.

Files are compared by device and inode, never by how they are spelled: a name may be a hard link of a source, or lead to
one through links and mounts.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from datacheck.errors import UsageError
from datacheck.files.place import FOLDER, Identity, Place, held, identity, identity_at
from datacheck.files.renaming import Name

DEEPEST = 64
"""Maximum depth of nested folders that are searched; each level takes a descriptor."""


class Guard:
    """The files that one command reads and writes.

    `sources` are the paths that it was given to read. `reads` returns every file that is read because of them; it is
    called only if something already lies at the name of an output, since nothing else can be overwritten. `writes` are
    files and folders that other options write, each with the word for it.
    """

    def __init__(
        self,
        sources: Iterable[str | Path] = (),
        reads: Callable[[], Iterable[Path]] = tuple,
        writes: Iterable[tuple[str, Path]] = (),
    ) -> None:
        self._sources = list(map(Path, sources))
        self._reads = reads
        self._writes = list(writes)
        self._outputs: set[tuple[Identity, str]] = set()

    def refuse_spelled(self, path: Path) -> None:
        """Raise UsageError if an output, by its path alone, is or lies in a source or another output."""
        own = _resolved(path)
        for role, other in self._named_paths():
            other_path = _resolved(other)
            if other_path == own or other_path in own.parents:
                raise self._refusal(path, role, other, same=other_path == own)

    def refuse_output(self, place: Place) -> None:
        """Raise UsageError unless a file may be written at this place."""
        self._refuse_within(place)
        status = place.status()
        if status is not None:
            if stat.S_ISLNK(status.st_mode):
                raise UsageError(f"{place.path}: is a symbolic link; name the file itself that is to be written")
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{place.path}: is {_kind(status)}, not a file that could be replaced")
            source = self._source_with(identity(status))
            if source is not None:
                raise UsageError(
                    f"{place.path}: is the same file as {source}, which is a source, never written to; name another"
                )

    def claim(self, place: Place) -> None:
        """Raise UsageError if two outputs of the command have the same name."""
        own = identity(os.fstat(place.folder)), place.name
        if own in self._outputs:
            raise UsageError(f"{place.path}: two outputs of this command have this name; give each its own")
        self._outputs.add(own)

    def refuse_target(self, path: Path, what: str) -> None:
        """Raise UsageError if a store written at `path` would replace a source, contain one or lie in one."""
        try:
            with held(path) as place:
                self._refuse_folders_above(place, what)
        except OSError:
            return  # there is no such folder; the attempt to write there reports that
        own = identity_at(path)
        if own is None:
            return
        source = self._source_with(own)
        if source is not None:
            raise UsageError(f"the {what} {path} is the same as {source}, which is a source, never written to")
        known: dict[Path, Identity | None] = {}
        for file in self._all_paths():
            for folder in _folders_of(file):
                if folder not in known:
                    known[folder] = identity_at(folder)
                if known[folder] == own:
                    raise UsageError(f"the {what} {path} holds {file}, which is a source, never written to")
        with suppress(OSError), held(path) as place:  # a folder that cannot be searched cannot be replaced either
            contained = self.source_in(Name(place.folder, place.name))
            if contained is not None:
                raise UsageError(f"the {what} {path} holds {contained}, which is a source, never written to")

    def source_in(self, name: Name) -> Path | None:
        """Return a file that the command reads and that is, or lies below, `name`, by whatever path it is read.

        Links are not followed. Return None if there is none. Raises OSError if a part cannot be examined.
        """
        read = {identity_at(path): path for path in self._all_paths()}
        return next((read[own] for own in _identities_below(name) if own in read), None) if read else None

    def _refuse_folders_above(self, place: Place, what: str) -> None:
        above = set(place.folders())
        for source in self._sources:
            if _folder_identity(source) in above:
                raise UsageError(f"the {what} {place.path} is inside the source {source}, which is never written to")

    def _refuse_within(self, place: Place) -> None:
        above = set(place.folders())
        for role, other in self._named_paths():
            if _folder_identity(other) in above:
                raise self._refusal(place.path, role, other, same=False)

    def _named_paths(self) -> Iterator[tuple[str, Path]]:
        yield from (("source", source) for source in self._sources)
        yield from self._writes

    @staticmethod
    def _refusal(path: Path, role: str, other: Path, *, same: bool) -> UsageError:
        where = f"is the {role}" if same else f"lies in the {role} {other}"
        reason = "which is never written to" if role == "source" else "which is written as a whole"
        suggestion = Path(os.path.relpath(_resolved(other).parent)) / path.name
        return UsageError(f"{path}: {where}, {reason}; " + ("name another file" if same else f"name {suggestion}"))

    def _all_paths(self) -> Iterator[Path]:
        yield from chain(self._sources, self._reads())

    def _source_with(self, own: Identity) -> Path | None:
        return next((path for path in self._all_paths() if identity_at(path) == own), None)


def refuse_overlap(places: Mapping[str, Path]) -> None:
    """Raise UsageError if two of several named places are the same, or one lies in another."""
    resolved = {name: _resolved(place) for name, place in places.items()}
    for name, place in resolved.items():
        for other, other_place in resolved.items():
            if name < other and place == other_place:
                raise UsageError(f"{name} and {other} are the same path, {place}")
            if other_place in place.parents:
                raise UsageError(f"the {name} {place} is inside the {other} {other_place}")


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a NUL
        return Path(str(path).replace("\0", "")).absolute()


def _folder_identity(path: Path) -> Identity | None:
    return identity_at(path) if path.is_dir() else None


def _folders_of(file: Path) -> Iterator[Path]:
    """Yield the folders above a file: by its path as spelled, by the real path of its name, and by its link target."""
    yield from file.absolute().parents
    yield from _resolved(file.parent).joinpath("_").parents
    yield from _resolved(file).parents


def _identities_below(name: Name, depth: int = 0) -> Iterator[Identity]:
    """Yield the identity of `name` and of everything below it. Raises OSError."""
    status = os.stat(name.name, dir_fd=name.folder, follow_symlinks=False)
    yield identity(status)
    if not stat.S_ISDIR(status.st_mode):
        return
    if depth == DEEPEST:
        raise OSError(errno.ELOOP, "folders are nested too deeply", name.name)
    folder = os.open(name.name, os.O_RDONLY | os.O_NOFOLLOW | FOLDER, dir_fd=name.folder)
    try:
        with os.scandir(folder) as entries:
            names = [it.name for it in entries]
        for within in names:
            yield from _identities_below(Name(folder, within), depth + 1)
    finally:
        os.close(folder)


def _kind(status: os.stat_result) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(status.st_mode), "a device")
