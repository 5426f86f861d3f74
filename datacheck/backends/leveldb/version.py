"""Find the live tables and logs of a LevelDB: CURRENT names a MANIFEST, a log of edits to the list of tables.

Source: google/leveldb doc/impl.md, db/version_edit.cc, db/filename.cc.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappush, heapreplace
from pathlib import Path

from datacheck.backends.leveldb.block import Damaged, read_failure, varint
from datacheck.backends.leveldb.log import read_log
from datacheck.backends.leveldb.names import current_text
from datacheck.backends.leveldb.table import BYTEWISE, Edge, TableFile
from datacheck.files.regular import NotRegular, irregular, open_regular
from datacheck.model.replacing import replace

NO_EDIT = "holds no edit that can be read"
MANIFEST_NAME = re.compile(r"MANIFEST-[0-9]{1,20}")
LOG_NAME = re.compile(r"([0-9]{1,20})\.log")
COMPARATOR, LOG_NUMBER, NEXT_FILE, LAST_SEQUENCE, COMPACT_POINTER, DELETED_FILE, NEW_FILE, PREV_LOG_NUMBER = (
    *range(1, 8),
    9,
)


@dataclass(frozen=True, slots=True)
class Run:
    """Tables each of which begins behind the end of the one before."""

    tables: Sequence[TableFile]

    def between(self, start: Edge, stop: Edge | None) -> Sequence[TableFile]:
        """Return the tables with keys in a range, or next to its start."""
        first = bisect_left(self.tables, start[0], key=lambda table: table.largest)
        last = len(self.tables)
        if stop is not None:
            last = bisect_right(self.tables, stop[0], key=lambda table: table.smallest)
        return self.tables[first:last]


def runs(tables: Iterable[TableFile]) -> list[Run]:
    """Divide tables into as few runs as possible."""
    groups: list[list[TableFile]] = []
    ends: list[tuple[bytes, int]] = []
    for table in sorted(tables, key=lambda it: (it.smallest, it.largest, it.number)):
        if ends and ends[0][0] < table.smallest:
            number = ends[0][1]
            heapreplace(ends, (table.largest, number))
            groups[number].append(table)
        else:
            heappush(ends, (table.largest, len(groups)))
            groups.append([table])
    return [Run(run) for run in groups]


NUMBERS = {
    LOG_NUMBER: "which log is the live one",
    NEXT_FILE: "the number of the next file",
    LAST_SEQUENCE: "the number of the last write",
}
"""The numbers that the edits of a MANIFEST must give; LevelDB opens no store without them (VersionSet::Recover)."""
Age = tuple[int, ...]


@dataclass(frozen=True)
class Origin:
    """The origin of writes. Of two origins, the one with the greater `age` holds the newer writes; None is unknown.

    `replaced` are the key ranges of the tables into which a compaction rewrote this one, which is then obsolete.
    """

    file: str
    age: Age | None = None
    replaced: Sequence[tuple[bytes, bytes]] = ()


@dataclass
class Version:
    """The state of a store after all edits; `damages` are those of the MANIFEST itself, `runs` its tables in order.

    `dead` are the numbers of tables that an edit deletes, `given` the tags of the numbers that edits gave. `rebuilt`
    says that the MANIFEST, or some of its edits, are lost. Then all existing tables count, `replaced` says which were
    rewritten into others, and `unread` which cannot be read.
    """

    manifest: str
    comparator: str = BYTEWISE
    log_number: int = 0
    prev_log_number: int = 0
    edits: int = 0
    tables: dict[tuple[int, int], TableFile] = field(default_factory=dict)
    damages: list[Damaged] = field(default_factory=list)
    runs: Sequence[Run] = ()
    dead: set[int] = field(default_factory=set)
    given: set[int] = field(default_factory=set)
    why: Damaged | None = None
    rebuilt: bool = False
    replaced: Mapping[int, Sequence[tuple[bytes, bytes]]] = field(default_factory=dict)
    unread: Sequence[tuple[str, Damaged]] = ()

    def origin(self, table: TableFile) -> Origin:
        """Return the origin of a table's writes: a lower level is newer, and in level 0 a greater number."""
        age = None
        if not self.rebuilt and table.level is not None:
            age = (-table.level, 0 if table.level else table.number)
        return Origin(f"table {table.number:06d}", age, self.replaced.get(table.number, ()))

    def log_origin(self, path: Path) -> Origin:
        return Origin(f"log {path.name}", None if self.rebuilt else (1, int(path.stem)))

    def apply(self, edit: bytes) -> None:
        """Change the version by one edit. Raises Damaged, or IndexError if the edit ends early."""
        at = 0
        while at < len(edit):
            tag, at = varint(edit, at)
            if tag == COMPARATOR:
                name, at = _length_prefixed(edit, at)
                self.comparator = name.decode("utf-8", "backslashreplace")
            elif tag == LOG_NUMBER:
                self.log_number, at = varint(edit, at)
                self.given.add(tag)
            elif tag == PREV_LOG_NUMBER:
                self.prev_log_number, at = varint(edit, at)
            elif tag in (NEXT_FILE, LAST_SEQUENCE):
                _, at = varint(edit, at)
                self.given.add(tag)
            elif tag == COMPACT_POINTER:
                _, at = varint(edit, at)
                _, at = _length_prefixed(edit, at)
            elif tag == DELETED_FILE:
                level, at = varint(edit, at)
                number, at = varint(edit, at)
                self.tables.pop((level, number), None)
                self.dead.add(number)
            elif tag == NEW_FILE:
                at = self._add_table(edit, at)
            else:
                raise Damaged("damaged-store", f"an edit has the unknown tag {tag}")
        self.edits += 1

    def _add_table(self, edit: bytes, at: int) -> int:
        level, at = varint(edit, at)
        number, at = varint(edit, at)
        size, at = varint(edit, at)
        smallest, at = _length_prefixed(edit, at)
        largest, at = _length_prefixed(edit, at)
        if min(len(smallest), len(largest)) < 8 or smallest[:-8] > largest[:-8]:
            raise Damaged("damaged-store", f"an edit gives table {number} a range of keys that cannot be")
        self.dead.discard(number)
        self.tables[level, number] = TableFile(number, level, size, smallest[:-8], largest[:-8])
        return at


def _length_prefixed(edit: bytes, at: int) -> tuple[bytes, int]:
    size, at = varint(edit, at)
    if at + size > len(edit):
        raise IndexError
    return edit[at : at + size], at + size


class _Edits:
    """A sink that applies the edits of a MANIFEST."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.edit = bytearray()

    def begin(self, offset: int) -> None:
        self.edit = bytearray()

    def feed(self, offset: int, payload: bytes) -> None:
        self.edit += payload

    def finish(self) -> None:
        try:
            self.version.apply(bytes(self.edit))
        except IndexError:
            raise Damaged("damaged-store", "an edit passes its CRC32C, but ends early") from None

    def abandon(self) -> None:
        self.edit = bytearray()


def read_version(directory: Path) -> Version:
    """Return the state that CURRENT and MANIFEST describe, or the last MANIFEST if CURRENT is lost.

    `why` says what is wrong with them. Without trustworthy edits the version is `rebuilt`, and has the tables that the
    edits give, if any. Raises Damaged if datacheck may not read the files.
    """
    match = current_text(directory)
    name = None if match is None else match[1].decode()
    why = None
    if match is not None and not match[0].endswith(b"\n"):
        why = Damaged("damaged-store", "CURRENT does not end with a newline, and LevelDB refuses to open the store")
    elif name is None:
        file = directory / "CURRENT"
        clause = irregular(file) or ("does not name a MANIFEST" if file.exists() else "is missing")
        why = Damaged("damaged-store", f"CURRENT {clause}")
        name = _last_manifest(directory)
    version, fault = _try_manifest(directory, name)
    if why is not None and version is not None and not version.damages:
        return replace(version, why=why.with_text(f"{why}; {name} is there, and was taken"))
    if version is None:
        why = why or fault
        version = Version(name or "MANIFEST")
    return replace(version, why=why, rebuilt=why is not None or bool(version.damages))


def _try_manifest(directory: Path, name: str | None) -> tuple[Version | None, Damaged | None]:
    """Return the version in a MANIFEST, or what is wrong with it. Raises Damaged if it may not be read."""
    if name is None:
        return None, None
    try:
        status = (directory / name).stat()
        version = _read_manifest(directory / name, status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        return None, Damaged("damaged-store", f"{name}, which CURRENT names, is missing")
    except NotRegular as exc:
        return None, Damaged("damaged-store", f"{name} {exc.clause}")
    except PermissionError as exc:
        raise read_failure(exc, name) from None
    except OSError as exc:
        return None, read_failure(exc, name)
    if not version.edits:
        failed = next((it for it in version.damages if it.by_machine), None)
        return None, failed.with_text(f"{name} {failed}") if failed else Damaged("damaged-store", f"{name} {NO_EDIT}")
    return version, None


def _last_manifest(directory: Path) -> str | None:
    names = [entry.name for entry in directory.iterdir() if MANIFEST_NAME.fullmatch(entry.name)]
    return max(names, key=lambda name: int(name.removeprefix("MANIFEST-")), default=None)


@lru_cache(maxsize=4)
def _read_manifest(path: Path, size: int, changed: int) -> Version:
    version = Version(path.name)
    with open_regular(path) as file:
        version.damages = read_log(file.fileno(), size, _Edits(version))
    lacking = [what for tag, what in NUMBERS.items() if tag not in version.given]
    if lacking and version.edits and not version.damages:
        why = f"it does not say {' and '.join(lacking)}: edits are missing from it"
        version.damages = [Damaged("damaged-store", why)]
    version.runs = runs(version.tables.values())
    return version


def live_logs(directory: Path, version: Version) -> list[Path]:
    """Return the logs whose records are in no table yet, oldest first."""
    with os.scandir(directory) as entries:
        names = [match for entry in entries if (match := LOG_NAME.fullmatch(entry.name))]
    numbers = {match[0]: int(match[1]) for match in names}
    live = [
        name
        for name, number in numbers.items()
        if number >= version.log_number or number == version.prev_log_number != 0
    ]
    return [directory / name for name in sorted(live, key=numbers.__getitem__)]
