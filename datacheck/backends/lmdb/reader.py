"""Read LMDB environments, read-only and without a lock file, from their pages or, only in workers, with py-lmdb.

The code that checks pages beforehand needs NumPy. A caller that only recognises a store does without it, so it is
imported where it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from datacheck.backends.interface import StoreOptions
from datacheck.backends.lmdb.format import (
    DUPSORT,
    INTEGERKEY,
    REVERSEKEY,
    PageDamaged,
    header_size,
    other_machine,
)
from datacheck.backends.lmdb.in_folders import IN_FOLDERS
from datacheck.backends.lmdb.library import data_file, refusal
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.shared.searching import count_records, not_found
from datacheck.errors import SourceUnknown
from datacheck.files.regular import NotRegular, irregular, open_regular
from datacheck.model.blocks import Block, Layout, Note, Position, Shard, ignore
from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding, found

PROBES = 64
MOST_PROBED = 512
"""Maximum number of databases that are probed; if there are more, they are spread evenly over all."""
TRIES = 5
"""Number of commits as of which a place is read while another process overwrites the store."""

MOST_VALUES = 1 << 62
"""Larger than the number of values that one key can have."""


@dataclass(frozen=True)
class LmdbReader:
    """A reader of an LMDB environment: `path` is its directory, or the data file itself.

    Every named database is a part of its own, by its escaped name; the unnamed main database is the part "".
    """

    path: Path
    shard_bytes: int | None = None
    """Size of a shard in bytes; None leaves it to `layout`."""
    backend = "lmdb"
    in_folders = IN_FOLDERS

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions) -> LmdbReader | None:
        data = path / "data.mdb" if path.is_dir() else path
        if not data.is_file() or irregular(data) is not None:
            return None
        with open_regular(data) as file:
            head = file.read(512)
            if (machine := other_machine(head)) is not None:
                reason = f"is an LMDB environment of {machine}, unreadable here; use mdb_dump on such a machine"
                raise SourceUnknown(str(path), reason)
        if header_size(head) is not None:
            return cls(path)
        try:
            with Pages(data):
                return cls(path)  # recognised by its second meta page, or by its other pages
        except PageDamaged:
            return None

    @property
    def data(self) -> Path:
        return data_file(self.path)

    def reads(self) -> Iterator[Path]:
        """Yield the lock file of an environment that is a single file: other programs write it."""
        if not self.path.is_dir():
            yield self.path.with_name(f"{self.path.name}-lock")

    def layout(self) -> Layout:
        """Return shards of about equal size, divided where the branch pages divide."""
        from datacheck.backends.lmdb.layout import probes, shards
        from datacheck.backends.lmdb.skeleton import skeleton

        size = self.data.stat().st_size
        try:
            bones = skeleton(self.data)
        except PageDamaged as exc:
            return Layout((), (), None, size, [found("damaged-store", f"{self.data.name}: {exc}")])
        except NotRegular as exc:
            return Layout((), (), None, size, [found("unsupported", f"{self.data.name} was replaced: {exc.strerror}")])
        findings = list(bones.findings)
        if bones.sound and (refusal := self._refusal()):
            findings.append(found("damaged-store", f"lmdb cannot open it: {refusal}"))
        ranges: list[Shard] = []
        probe_shards: list[Shard] = []
        count = max(1, PROBES // max(1, len(bones.trees)))
        step = max(1, len(bones.trees) / MOST_PROBED)
        with Pages(self.data, bones.metas) as pages:
            for number, tree in enumerate(bones.trees.values()):
                ranges += shards(pages, tree, self.shard_bytes)
                if number % step < 1:
                    probe_shards += probes(pages, tree, count)
        records = None
        if bones.sound:
            names = len(bones.names) if "" in bones.trees else 0
            records = sum(tree.record.entries for tree in bones.trees.values()) - names
        return Layout(ranges, probe_shards, records, size, findings)

    def blocks(
        self, shard: Shard, *, limit: int | None = None, note: Note = ignore, avoid: Collection[bytes] = ()
    ) -> Iterator[Block]:
        """Yield the records of the shard; the value of a key in `avoid` is not touched, and is returned empty.

        Sound leaves are read directly. The library reads what is more than a key and a value: several values for a key,
        or a range requested record by record. It touches nothing that was not checked before. Damaged leaves are read
        page by page.
        """
        from datacheck.backends.lmdb.zeroed_pages import mark_zeroed

        for block, pages in self._blocks(shard, limit, note, avoid, load=limit is None):
            yield mark_zeroed(block, pages.page_size, pages.header)

    def peek(self, shard: Shard, limit: int | None = None) -> Iterator[Block]:
        """Yield the records of the shard as views, without accessing any value."""
        return (block for block, _ in self._blocks(shard, limit, ignore, ()))

    def _blocks(
        self, shard: Shard, limit: int | None, note: Note, avoid: Collection[bytes], *, load: bool = False
    ) -> Iterator[tuple[Block, Pages]]:
        from datacheck.backends.lmdb.reading import Reading
        from datacheck.backends.lmdb.skeleton import skeleton

        note(shard.start or Position(b""), False)
        account: Counter[str] = Counter()
        left: Shard | None = shard
        tries, data = 0, self.data
        while left is not None:
            before, bones = left, skeleton(data)
            library = bones.sound and self._refusal() is None
            with Pages(data, bones.metas) as pages:
                last = tries >= TRIES
                reading = Reading(
                    self.path, pages, bones, left, limit, note, avoid, library=library, last=last, load=load
                )
                for block in reading:
                    yield block, pages
            left, account = reading.left, account + reading.account
            tries = tries + 1 if left == before else 0
        yield Block([], [], account=account), pages

    def sparing(self, shard: Shard, keys: Collection[bytes]) -> Iterator[Block]:
        """Yield the records of the shard without touching the values of these keys."""
        return self.blocks(shard, avoid=keys)

    def databases(self) -> dict[str, bool]:
        """Return each database that holds records, and whether a key may have many values. Raises PageDamaged."""
        from datacheck.backends.lmdb.layout import flags_of

        return {part: bool(flags & DUPSORT) for part, flags in flags_of(self.data).items()}

    def in_byte_order(self, part: str) -> bool:
        """Return whether keys are compared as bytes from the start, neither from the end nor as integers."""
        from datacheck.backends.lmdb.skeleton import skeleton

        tree = skeleton(self.data).trees.get(part)
        return tree is not None and not tree.record.flags & (REVERSEKEY | INTEGERKEY)

    def find(self, key: str) -> Shard | None:
        """Return the record with this key in any database, or, with "database:key", in that database."""
        from datacheck.backends.lmdb.skeleton import skeleton

        trees = skeleton(self.data).trees
        places = [(part, key.removeprefix(f"{part}:")) for part in trees if part and key.startswith(f"{part}:")]
        unread: list[Finding] = []
        for part, name in [*places, *((part, key) for part in trees)]:
            raw = unescape(name)
            wanted = Shard(part, Position(raw), Position(raw, MOST_VALUES))
            count = count_records(self.peek(wanted, 2), unread)
            if count:
                return Shard(part, Position(raw), Position(raw, count))
        not_found(unread)
        return None

    def conclude(self, account: Mapping[str, int]) -> list[Finding]:
        """Return what is wrong with the environment as a whole, by the sums over all its blocks."""
        from datacheck.backends.lmdb.page_accounting import conclude

        return conclude(self.data, account)

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        return Block([place.key_bytes], [b""], database=shard.part or None).place(0, finding, None)

    def _refusal(self) -> str | None:
        """Return why the library does not open the environment, or None if it does."""
        return refusal(self.path, self.data.stat().st_mtime_ns)
