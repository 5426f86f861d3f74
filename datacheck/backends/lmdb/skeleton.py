"""Read the skeleton of an LMDB environment: metas, databases, all branch pages and the free list, but no leaves.

It is small (one page in a hundred), so every worker reads it for itself, and then knows which page holds which keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.branches import children, judge_branches
from datacheck.backends.lmdb.database_names import (
    copied_from,
    has_lost_names,
    leaf_with_names,
    leaves_with_names,
    names_of,
    remaining_names,
)
from datacheck.backends.lmdb.fault_findings import SHOWN, Fault, grouped_findings, source_changed_finding
from datacheck.backends.lmdb.format import BIGDATA, BRANCH, DEEPEST, INTEGERKEY, LEAF, NO_PAGE, Database, Node
from datacheck.backends.lmdb.lost_commit import leaves_of, nameless_trees, with_extra_leaves
from datacheck.backends.lmdb.lost_pages import (
    FREE,
    USED,
    freed_by_the_next,
    pages_in_use,
    true_levels,
    truncation,
    used_after,
)
from datacheck.backends.lmdb.metas import LOST, Metas
from datacheck.backends.lmdb.orphans import Orphans, unreached
from datacheck.backends.lmdb.page_sums import Account
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.tolerant_page import Parsed, parse
from datacheck.backends.lmdb.tree import Entry, Tree, in_order
from datacheck.backends.lmdb.values import read_value
from datacheck.backends.shared.key_arrays import Flags, Numbers
from datacheck.model.distinct import distinct_numbers
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

NAMES_SOUGHT = 100_000
"""Largest main database, in entries, that is searched for named databases; larger ones hold records."""
TRIES = 3
"""Maximum number of times a store is read while another process commits to it."""


class Skeleton(msgspec.Struct):
    """What is known of an environment before any leaf is read.

    `used` has a byte for each page of the file: USED for a branch, a child of one, or a page of the free list itself;
    FREE if listed as free. `free_known` says whether all of the free list could be read.
    """

    trees: dict[str, Tree]
    names: frozenset[bytes]
    used: NDArray[np.uint8]
    findings: list[Finding]
    account: Account
    free_known: bool
    metas: Metas
    listed: int
    """Number of pages listed as free."""
    _orphans: Orphans | None = None

    def orphans(self, pages: Pages, beat: Callable[[], None]) -> Orphans:
        """Return the leaves that nothing reaches; they are searched for once, in every page."""
        if self._orphans is None:
            self._orphans = Orphans(pages, self.used, known=self.free_known, beat=beat)
        return self._orphans

    @property
    def sound(self) -> bool:
        return not self.findings


def skeleton(data: Path) -> Skeleton:
    """Return the skeleton of an environment; the last two are cached. Raises PageDamaged if there is no meta page."""
    status = data.stat()
    with Pages(data) as pages:  # a process that writes through a map changes no time stamp
        commit = pages.meta.txnid
    return _cached_skeleton(data, status.st_ino, status.st_size, status.st_mtime_ns, commit)


@lru_cache(maxsize=2)
def _cached_skeleton(data: Path, inode: int, size: int, changed: int, commit: int) -> Skeleton:
    for _ in range(TRIES):
        with Pages(data) as pages:
            bones = _read_skeleton(data, pages)
            if bones.sound or not pages.moved_on():
                return bones
    return msgspec.structs.replace(bones, findings=[source_changed_finding()])


def _read_skeleton(data: Path, pages: Pages) -> Skeleton:
    """Return the skeleton; if more pages are in use than the meta page says, read all pages of the file."""
    bones = Walk(pages).skeleton()
    last_in_file, last = pages.size // pages.page_size - 1, pages.meta.last_page
    used = pages_in_use([pages.meta.free, pages.meta.main, *(it.record for it in bones.trees.values() if it.part)])
    used += bones.listed if used else 0
    if used <= last + 1 or last_in_file <= last:
        return bones
    why = f"the last page of the environment is said to be {last:,}, and {used:,} are in use: all of the file is read"
    metas = msgspec.structs.replace(
        pages.metas,
        chosen=msgspec.structs.replace(pages.meta, last_page=last_in_file),
        findings=(*pages.metas.findings, found("damaged-store", why, kind="last page", page=last)),
    )
    with Pages(data, metas) as further:
        return Walk(further).skeleton()


class Walk:
    """A walk through an environment's trees, without their leaves."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        count = min(pages.meta.last_page + 1, -(-pages.size // pages.page_size))
        self.used: NDArray[np.uint8] = np.zeros(count, np.uint8)
        self.faults: list[Fault] = []
        self.account = Account()

    def skeleton(self) -> Skeleton:
        pages = self.pages
        listed = self._free_list()
        free_known = not self.faults and pages.meta.free.root != LOST
        main = self.tree("", self._with_true_root(pages.meta.main, listed))
        names, trees = self._databases(main)
        for numbers in listed:
            self._mark_free(numbers)
        if not names and has_lost_names(pages, main):
            trees = self._remaining_databases(main, self._nameless_databases(free_known))
        if main.record.root == LOST:
            for tree in trees.values():
                tree.entries = [msgspec.structs.replace(entry, doubt=True) for entry in tree.entries]
        self._add_unreached(list(trees.values()), free_known=free_known)
        findings = [*truncation(pages, listed), *pages.metas.findings, *grouped_findings(self.faults, pages.page_size)]
        return Skeleton(trees, names, self.used, findings, self.account, free_known, pages.metas, sum(map(len, listed)))

    def _databases(self, main: Tree) -> tuple[frozenset[bytes], dict[str, Tree]]:
        """Return the names of the named databases, and all databases that may hold records; "" is the main one."""
        trees = {}
        names = []
        for name, record in self._named_databases(main):
            names.append(name)
            part = escape(name.rstrip(b"\0"))
            trees[part] = self.tree(part, record)
        main.names = len(names)
        if main.record.entries > len(names) or not names:
            trees = {"": main, **trees}
        else:
            self._count_name_leaves(main)
        return frozenset(names), trees

    def _add_unreached(self, trees: Sequence[Tree], *, free_known: bool) -> None:
        """Add leaves that nothing reaches: where trees have holes, and of a commit whose meta page may be lost."""
        pages = self.pages
        newer = not pages.metas.certain and pages.meta.main.root != LOST
        damaged = [tree for tree in trees if any(entry.kind == "hole" for entry in tree.entries)]
        if not damaged and not newer:
            return
        freed = freed_by_the_next(pages, self.used) if newer else None
        if freed is not None:
            self.fault("lost commit", 0, f"commit {pages.meta.txnid + 1} was written, and its meta page is lost")
        orphans = Orphans(pages, self.used if freed is None else used_after(self.used, freed), known=free_known)
        for tree in damaged:
            tree.entries = in_order(tree.record, self._fill_holes(tree, orphans, len(damaged) > 1))
        if newer and len(trees) == 1 and not damaged:
            (tree,) = trees
            groups = orphans.take(pages, tree.record, None, None)
            extra = [leaf for group in groups for leaf in group.leaves if self.mark(leaf) or freed is not None]
            tree.entries = with_extra_leaves(pages, tree, extra)

    def _fill_holes(self, tree: Tree, orphans: Orphans, doubt: bool) -> Iterator[Entry]:
        """Yield the stretches of a tree, with unreached leaves in place of its holes."""
        for entry in tree.entries:
            if entry.kind != "hole":
                yield entry
                continue
            groups = orphans.take(self.pages, tree.record, entry.low, entry.high)
            leaves = sum(len(group.leaves) for group in groups)
            fault = self.faults[entry.fault]
            read = counted(leaves, "leaf with such keys is read", "leaves with such keys are read")
            note = f"; {read}, which no branch reaches" if leaves else ""
            self.faults[entry.fault] = msgspec.structs.replace(fault, after=note)
            for group in groups:
                for orphan in group.leaves:
                    self.mark(orphan)
                    yield Entry(group.low, group.high, orphan, "orphan", group.doubt or doubt)

    def _with_true_root(self, main: Database, listed: Sequence[Numbers]) -> Database:
        """Return the main database, with the leaf that holds the names as its root if that is another page."""
        numbers = self._written_pages(self.used == 0) if main.depth == 1 else np.zeros(0, np.int64)
        root = leaf_with_names(self.pages, main, numbers[~np.isin(numbers, np.concatenate([numbers[:0], *listed]))])
        if root is None:
            return main
        why = f"the root of the main database is said to be page {main.root:,}; the names it has are on page {root:,}"
        self.fault("root", 0, why)
        return msgspec.structs.replace(main, root=root)

    def _remaining_databases(self, main: Tree, nameless: dict[str, Tree]) -> dict[str, Tree]:
        """Return the remaining databases; note a fault if the leaf with their names is now a copy of another page."""
        source_page = copied_from(self.pages, main)
        if source_page is None or not nameless:
            return {"": main, **nameless}
        page = main.entries[0].page
        self.fault("names", page, f"had the names of the databases, and is a copy of page {source_page:,} now")
        return nameless

    def _written_pages(self, wanted: Flags) -> Numbers:
        return np.concatenate([np.zeros(0, np.int64), *unreached(self.pages, wanted)])

    def _nameless_databases(self, known: bool) -> dict[str, Tree]:
        """Return the remaining databases if the leaf with their names is lost."""
        trees = {}
        for lost in nameless_trees(self.pages, self._written_pages(self.used == 0), known=known):
            tree = self.tree(lost.part, lost.record) if lost.record.root != NO_PAGE else lost
            tree.nameless = True
            for entry in tree.entries:
                self.mark(entry.page)
            self.fault(
                "names", tree.entries[0].page, f"is left of a database whose name is lost, called {lost.part} here"
            )
            trees[lost.part] = tree
        return trees

    def fault(self, kind: str, page: int, why: str, entry: Entry | None = None, part: str | None = None) -> None:
        low, high = (None, None) if entry is None else (entry.low, entry.high)
        self.faults.append(Fault(kind, page, why, part, entry is not None, low, high))

    def mark(self, number: int) -> bool:
        """Mark a page as used; return False if it was marked before."""
        if number < len(self.used):
            if self.used[number]:
                return False
            self.used[number] = USED
        return True

    def tree(self, part: str, record: Database) -> Tree:
        """Return a tree down to the branch pages above its leaves."""
        tree = Tree(part, record)
        if record.root == NO_PAGE:
            return tree
        root = Entry(None, None, record.root, "branch" if record.depth > 1 else "leaf")
        depth = self._levels(record, part) if 2 <= record.root <= self.pages.meta.last_page else 0
        if depth is not None and not 1 <= depth <= DEEPEST:
            name = f"the database {part}" if part else "the main database"
            why = "is lost" if record.root == LOST else f"is said to be page {record.root:,}, of {record.depth} levels"
            self.fault("root", 0, f"the root of {name} {why}", root, part)
            tree.entries = [self._hole(root)]
            return tree
        if depth is None:
            tree.entries = [self._hole(msgspec.structs.replace(root, kind="branch"))]
            return tree
        record = tree.record = msgspec.structs.replace(record, depth=depth)
        if not self.mark(record.root):
            self.fault("shared", record.root, "is used twice", None, part)
        root = msgspec.structs.replace(root, kind="branch" if depth > 1 else "leaf")
        if record.depth == 1:
            tree.entries = [root]
            return tree
        level = [root]
        for _ in range(record.depth - 2):
            level = [below for entry in level for below in self._read_branch(tree, entry, "branch")]
        tree.entries = list(self._above_leaves(tree, level))
        return tree

    def _levels(self, record: Database, part: str) -> int | None:
        """Return the number of levels of a tree, or None, noting a fault, if its root leads to too few pages."""
        depth = true_levels(self.pages, record)
        if depth is None and true_levels(self.pages, msgspec.structs.replace(record, depth=0)) is None:
            return record.depth  # its pages are damaged; the faults of each are noted later
        if depth is None:
            why = f"is a root that leads to fewer pages than the {record.branches + record.leaves:,} of its database"
            self.fault("root", record.root, why, Entry(None, None, record.root, "hole"), part)
        elif depth != record.depth:
            why = f"is the root of {depth} levels, and its database says {record.depth}"
            self.fault("root", record.root, why, None, part)
        return depth

    def _read_branch(self, tree: Tree, entry: Entry, kind: Literal["branch", "leaf"]) -> Iterator[Entry]:
        """Yield the stretches into which a branch page divides its own, as far as it can be read."""
        if entry.kind != "branch":
            yield entry
            return
        parsed = parse(self.pages, entry.page, BRANCH, tree.record.order(), entry.low, entry.high)
        if parsed.faults:
            self.fault("branch", entry.page, f"{', '.join(parsed.faults)}", entry, tree.part)
        if not parsed.nodes:
            yield self._hole(entry)
            return
        self.account.add_pages(np.array([entry.page], np.int64))
        tree.branches += 1
        fault = len(self.faults) - 1
        yield from self._children(tree, entry, parsed, kind)
        if parsed.lost != 0:
            yield msgspec.structs.replace(entry, kind="hole", fault=fault)

    def _children(self, tree: Tree, entry: Entry, parsed: Parsed, kind: Literal["branch", "leaf"]) -> Iterator[Entry]:
        for child, (low, high) in parsed.children(entry.low, entry.high):
            below = Entry(low, high, child, kind)
            if not self.mark(child):
                self.fault("shared", child, "is used twice", below, tree.part)
                if kind == "branch":
                    yield self._hole(below)
                    continue
            yield below

    def _hole(self, entry: Entry) -> Entry:
        """Return an entry for a stretch of which nothing is left; its fault is the last one noted."""
        return msgspec.structs.replace(entry, kind="hole", fault=len(self.faults) - 1)

    def _above_leaves(self, tree: Tree, level: list[Entry]) -> Iterator[Entry]:
        """Yield the sound branch pages above the leaves, and what can be read of the others."""
        branches = [entry for entry in level if entry.kind == "branch"]
        sound = judge_branches(self.pages, tree.record.flags, branches, self._mark_children)
        self.account.add_pages(np.array([it.page for it, good in zip(branches, sound, strict=True) if good], np.int64))
        tree.branches += sum(sound)
        good = iter(sound)
        for entry in level:
            if entry.kind == "branch" and next(good):
                yield entry
            else:
                yield from self._read_branch(tree, entry, "leaf")

    def _mark_children(self, numbers: Numbers) -> bool:
        """Mark the leaves below one branch page; if one was marked before, mark nothing and return False."""
        inside = numbers[numbers < len(self.used)]
        if self.used[inside].any() or len(distinct_numbers(numbers)) < len(numbers):
            return False
        self.used[inside] = USED
        return True

    def _named_databases(self, main: Tree) -> Iterator[tuple[bytes, Database]]:
        """Yield the named databases by their keys in the main one, which end in a NUL in LMDB 1.0."""
        if main.record.root == LOST:
            yield from remaining_names(self.pages, self._written_pages(np.ones(len(self.used), bool)))
        if main.record.entries > NAMES_SOUGHT:
            return
        for numbers in self._leaf_numbers(main):
            for number in leaves_with_names(self.pages, numbers):
                parsed = parse(self.pages, number, LEAF, main.record.order(), None, None)
                yield from names_of(parsed)

    def _count_name_leaves(self, main: Tree) -> None:
        """Count the leaves of a main database that holds only names, since no shard covers them."""
        for numbers in self._leaf_numbers(main):
            self.account.add_pages(numbers)

    def _leaf_numbers(self, tree: Tree) -> Iterator[Numbers]:
        for entry in tree.entries:
            if entry.kind == "branch":
                yield children(self.pages, entry.page)
            elif entry.kind == "leaf":
                yield np.array([entry.page], np.int64)

    def _free_list(self) -> list[Numbers]:
        """Return the lists of free pages, which are kept by transaction in a tree of their own."""
        record = self.pages.meta.free
        if record.root == LOST:
            return []
        record = Database(INTEGERKEY, *(getattr(record, it) for it in _COUNTS))
        tree = self.tree("free list", record)
        listed: list[Numbers] = []
        entries = 0
        for entry in (leaf for it in tree.entries if it.kind != "hole" for leaf in leaves_of(self.pages, tree, it)):
            self.account.add_pages(np.array([entry.page], np.int64))
            parsed = parse(self.pages, entry.page, LEAF, record.order(), entry.low, entry.high)
            if parsed.faults:
                self.fault("free list", entry.page, ", ".join(parsed.faults))
            for node in parsed.nodes:
                entries += 1
                numbers = self._free_record(parsed, node)
                if numbers is not None:
                    listed.append(numbers)
        if not self.faults and entries != record.entries:
            self.fault("free list", 0, f"has {entries} records, its database says {record.entries}")
        return listed

    def _free_record(self, parsed: Parsed, node: Node) -> Numbers | None:
        value = read_value(self.pages, parsed, node)
        if value.extent is not None and not value.wrong:
            first, count = value.extent
            self.account.add_extents(np.array([first], np.uint64), np.array([count], np.uint64))
            self.used[first : first + count] = USED
        raw = np.frombuffer(value.data[: len(value.data) // 8 * 8], np.int64)
        if value.wrong or node.flags & ~BIGDATA or not len(raw) or raw[0] != len(raw) - 1 or len(value.data) % 8:
            why = value.wrong or "is not a list of pages"
            self.fault("free list", parsed.number, f"holds a record that {why}")
            return None
        return raw[1:]

    def _mark_free(self, numbers: Numbers) -> None:
        last = self.pages.meta.last_page
        outside = (numbers < 2) | (numbers > last)
        if outside.any():
            self.fault("free list", int(numbers[outside][0]), "is listed as free, and no page of the environment")
        inside = numbers[~outside]
        self.account.add_pages(inside)
        inside = np.sort(inside[inside < len(self.used)])
        repeated = np.append(inside[1:] == inside[:-1], False) if len(inside) else np.zeros(0, bool)
        taken = self.used[inside] != 0
        for page in inside[repeated | taken][:SHOWN].tolist():
            self.fault(
                "free list", page, "is listed as free, and used" if self.used[page] == USED else "is listed twice"
            )
        self.used[inside[~taken]] = FREE
        self.used[inside[taken]] |= FREE


_COUNTS = ("depth", "branches", "leaves", "overflow", "entries", "root")
