"""Search a folder for stores, for files that should be stores but are not, and for everything that is not read.

Every key-value store below the folder is a source of its own. The files of a kind whose reader is Gathering form one
source together. Files are recognised by their first bytes. Links to folders are not followed.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from re import Pattern
from typing import NamedTuple

import msgspec

from datacheck.backends.interface import Gathering, InFolders, Reader, StoreOptions
from datacheck.backends.shared.file_kinds import FOREIGN, HEAD_BYTES, LOCK, kind_of_file
from datacheck.backends.shared.magic import other_format
from datacheck.errors import SourceUnknown
from datacheck.files.place import identity_at
from datacheck.files.regular import irregular, open_regular
from datacheck.model.blocks import Block, Layout, Note, Position, Shard, ignore
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

FOLDER = "folder"
"""Backend name of the report about problems in a folder that belong to none of its stores."""
LINKED, LOST, SPECIAL = "link to a folder", "link that leads nowhere", "special file"
Entries = Sequence[tuple[bytes, Path]]
"""Paths with their names relative to the folder that is searched."""


class SearchedKind(NamedTuple):
    """A kind of store to search for: its title and noun, a function that loads its reader, and how to recognise it."""

    title: str
    noun: str
    find_reader: Callable[[], type[Reader]]
    in_folders: InFolders = InFolders()


class FolderReader(msgspec.Struct, frozen=True):
    """A source without records that reports problems of a folder that belong to none of its stores."""

    path: Path
    faults: tuple[Finding, ...]
    backend: str = FOLDER

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions) -> FolderReader | None:
        """Return None: only the search of a folder makes this reader."""
        return None

    def layout(self) -> Layout:
        return Layout((), (), 0, None, self.faults)

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[Block]:
        return iter(())

    def find(self, key: str) -> Shard | None:
        return None

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        return finding


class Searched(msgspec.Struct, frozen=True):
    """The result of a search: the sources in the order of their names, and counts of what is not read, by kind."""

    readers: tuple[Reader, ...]
    not_read: Mapping[str, int]
    refusal: SourceUnknown | None = None
    """Reason why the folder itself is a store that cannot be read, or None."""
    sound: bool = True
    """Whether at least one of the readers has something to read."""


def search(
    folder: Path,
    kinds: Sequence[SearchedKind],
    options: StoreOptions,
    watch: Callable[[int], None] = ignore,
) -> Searched:
    """Search a folder and everything below it. Raises OSError if the folder itself may not be listed.

    `watch` is called with the number of entries looked at so far.
    """
    walk = _Walk(folder, kinds, options, watch)
    walk.run()
    return walk.result()


class _Walk(msgspec.Struct):
    root: Path
    kinds: Sequence[SearchedKind]
    options: StoreOptions
    watch: Callable[[int], None]
    count: int = 0
    stores: list[tuple[bytes, Reader]] = msgspec.field(default_factory=list)
    gathered: list[list[tuple[bytes, Path]]] = msgspec.field(default_factory=list)
    faults: list[tuple[bytes, Finding]] = msgspec.field(default_factory=list)
    not_read: Counter[str] = msgspec.field(default_factory=Counter)
    unrecognised: dict[str, list[bytes]] = msgspec.field(default_factory=lambda: defaultdict(list))
    """Files that nothing recognises, by suffix. The verdict depends on whether sound stores have the same suffix."""
    refusal: SourceUnknown | None = None

    def run(self) -> None:
        self.gathered = [[] for _ in self.kinds]
        waiting = [(b"", self.root)]
        while waiting:
            name, folder = waiting.pop()
            try:
                with os.scandir(folder) as listed:
                    entries = sorted(listed, key=lambda it: os.fsencode(it.name))
                (folder / "..").stat()  # raises for a folder that may be listed but not entered
            except OSError as exc:
                if not name:
                    raise
                self._add_fault(name, "unsupported", f"the folder may not be read: {_error_text(exc)}")
                continue
            patterns = self._add_stores(name, folder, [it.name for it in entries])
            subfolders = []
            for entry in entries:
                self.count += 1
                self.watch(self.count)
                if patterns is not None and any(it is None or it.fullmatch(entry.name) for it in patterns):
                    continue
                entry_name = os.path.join(name, os.fsencode(entry.name))  # noqa: PTH118  (bytes)
                if entry.is_dir(follow_symlinks=False):
                    subfolders.append((entry_name, folder / entry.name))
                else:
                    self._add_entry(entry_name, entry, folder / entry.name, silent=patterns is not None)
            waiting += reversed(subfolders)

    def _add_stores(self, name: bytes, folder: Path, names: Sequence[str]) -> list[Pattern[str] | None] | None:
        """Add the stores that a directory itself is; return patterns of the names in them, or None if it is none."""
        patterns = []
        for kind in self.kinds:
            if kind.in_folders.holds is not None:
                continue
            may_match = kind.in_folders.needs is None or any(map(kind.in_folders.needs.fullmatch, names))
            try:
                reader = kind.find_reader().recognise(folder, self.options) if may_match else None
            except SourceUnknown as exc:
                patterns.append(kind.in_folders.own)
                if not name:
                    self.refusal = exc
                else:
                    self._add_fault(name, "unsupported", exc.reason)
                continue
            except OSError as exc:
                if not name:
                    raise
                patterns.append(kind.in_folders.own)
                self._add_fault(name, "unsupported", f"may not be read: {_error_text(exc)}")
                continue
            if reader is not None:
                patterns.append(kind.in_folders.own)
                self.stores.append((name, reader))
            elif name and (marks := [it for it in names if _marks(kind, it)]):
                patterns.append(kind.in_folders.own)
                what = _what_they_are(folder, marks)
                self._add_fault(name, "damaged-store", f"should be {kind.noun} by the names in it, and is none{what}")
            elif name and not names and Path(os.fsdecode(name)).suffix.lower() in kind.in_folders.suffixes:
                self._add_fault(name, "damaged-store", f"should be {kind.noun} by its name, and is an empty folder")
        return patterns or None

    def _add_entry(self, name: bytes, entry: os.DirEntry[str], path: Path, *, silent: bool) -> None:
        """Add an entry that is not a folder. `silent` if it lies in a store's directory, where other files may be."""
        suffix = path.suffix.lower()
        try:
            if entry.is_symlink() and path.is_dir():
                self.not_read[LINKED] += not silent
            elif (special := irregular(path)) is not None and suffix not in self._suffixes():
                self.not_read[SPECIAL] += not silent
            elif special is not None:
                self._add_fault(name, "damaged-store", f"not an {self._title(suffix)} file: it {special}")
            else:
                self._add_file(name, path, suffix, silent=silent)
        except SourceUnknown as exc:
            self._add_fault(name, "unsupported", exc.reason)
        except FileNotFoundError:
            if suffix in self._suffixes():
                self._add_fault(name, "damaged-store", "is a link to a file that is not there")
            else:
                self.not_read[LOST] += not silent
        except OSError as exc:
            self._add_fault(name, "unsupported", f"may not be read: {_error_text(exc)}")

    def _add_file(self, name: bytes, path: Path, suffix: str, *, silent: bool) -> None:
        with open_regular(path) as file:
            head = file.read(HEAD_BYTES)
        for number, kind in enumerate(self.kinds):
            if kind.in_folders.holds is not None:
                if kind.in_folders.holds(path):
                    self.gathered[number].append((name, path))
                    return
                continue
            has_magic = any(head.startswith(magic, offset) for offset, magic in kind.in_folders.magics)
            if kind.in_folders.files and (
                not kind.in_folders.magics or has_magic or suffix in kind.in_folders.suffixes
            ):
                reader = kind.find_reader().recognise(path, self.options)
                if reader is not None:
                    self.stores.append((name, reader))
                    return
        what = kind_of_file(path.name, head)
        if what == LOCK and path.with_name(path.name.removesuffix("-lock")).exists():
            return  # of the LMDB beside it, or of the LMDB in whose directory it lies
        if what in FOREIGN:
            self._add_fault(name, "unsupported", f"{FOREIGN[what]}, which is not read")
        elif suffix in self._suffixes():
            self._add_fault(name, "damaged-store", why_not(path, self._title(suffix)))
        elif what is not None and not silent:
            self.not_read[what] += 1
        elif what is None:
            self.unrecognised[suffix].append(name)

    def _suffixes(self) -> frozenset[str]:
        return frozenset().union(*(kind.in_folders.suffixes for kind in self.kinds))

    def _title(self, suffix: str) -> str:
        return next(it.title for it in self.kinds if suffix in it.in_folders.suffixes)

    def _add_fault(self, name: bytes, code: str, message: str) -> None:
        self.faults.append((name, of_file(name, code, message)))

    def result(self) -> Searched:
        """Return the result, once the suffixes of the sound stores are known."""
        self._judge_unrecognised()
        faults = [finding for _, finding in sorted(self.faults, key=lambda it: it[0])]
        readers: list[tuple[bytes, Reader]] = []
        sound = bool(self.stores) or any(self.gathered)
        for kind, files in zip(self.kinds, self.gathered, strict=True):
            if files and issubclass(gathering := kind.find_reader(), Gathering):
                distinct = _without_repeated_links(sorted(files))
                readers.append((b"", gathering.gather(self.root, distinct, faults, self.options)))
                faults = []
        if faults:
            readers.append((b"", FolderReader(self.root, tuple(faults))))
        readers += sorted(self.stores, key=lambda it: it[0])
        return Searched(tuple(it for _, it in readers), dict(sorted(self.not_read.items())), self.refusal, sound)

    def _judge_unrecognised(self) -> None:
        sound = {Path(os.fsdecode(name)).suffix.lower() for files in self.gathered for name, _ in files}
        sound |= {reader.path.suffix.lower() for _, reader in self.stores if reader.path.is_file()}
        for suffix, names in self.unrecognised.items():
            if not suffix or suffix not in sound:
                self.not_read["other file"] += len(names)
                continue
            for name in names:
                with suppress(OSError):
                    path = self.root / os.fsdecode(name)
                    clause = other_format(path) or "has no signature of a store"
                    self._add_fault(name, "damaged-store", f"not a store as others named *{suffix} are: it {clause}")


def _without_repeated_links(files: Sequence[tuple[bytes, Path]]) -> Sequence[tuple[bytes, Path]]:
    """Leave out links to files that are in the list anyway, directly or through an earlier link."""
    links = {path for _, path in files if path.is_symlink()}
    if not links:
        return files
    known = {identity_at(path) for _, path in files if path not in links}
    kept = []
    for name, path in files:
        own = identity_at(path) if path in links else None
        if own is None or own not in known:
            kept.append((name, path))
            known.add(own)
    return kept


def why_not(path: Path, title: str) -> str:
    """Return why a file is not the kind of store that it should be. Raises OSError."""
    return f"not an {title} file: it {other_format(path) or f'has no {title} signature'}"


def _marks(kind: SearchedKind, name: str) -> bool:
    """Return whether a folder with a file of this name should be a store of a kind."""
    return kind.in_folders.marks is not None and kind.in_folders.marks.fullmatch(name) is not None


def _what_they_are(folder: Path, names: Sequence[str]) -> str:
    """Return a clause that names the first of these files that is known to be something else, or ""."""
    for name in names:
        with suppress(OSError):
            what = other_format(folder / name)
            if what is not None:
                return f": {escape(os.fsencode(name))} {what}"
    return ""


def of_file(name: bytes, code: str, message: str) -> Finding:
    """Return a finding about the entry with this name in a folder or a list."""
    file = escape(name)
    finding = found(code, f"{file}: {message}")
    return Finding(code=finding.code, verdict=finding.verdict, message=finding.message, file=file)


def _error_text(exc: OSError) -> str:
    return (exc.strerror or str(exc)).lower()


def kinds_text(not_read: Mapping[str, int]) -> str:
    """Return the counts of what is not read for a sentence: "12 pictures, 1 text file"."""
    return ", ".join(f"{count:,} {kind if count == 1 else _plural(kind)}" for kind, count in _by_count(not_read))


def _by_count(not_read: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(not_read.items(), key=lambda it: (-it[1], it[0]))


def _plural(kind: str) -> str:
    """Return the plural of a kind of thing.

    >>> _plural("link that leads nowhere"), _plural("text file")
    ('links that lead nowhere', 'text files')
    """
    kind = kind.replace("that leads ", "that lead ")
    first, *rest = kind.split(" ", 1) if kind.startswith("link ") else (kind,)
    return " ".join([f"{first}s", *rest])
