"""Check the balance of an LMDB environment: every page used once or free, and the databases as large as they say.

A scan adds up page numbers and records as it goes. If the sums do not match, every page is examined again, to find the
pages concerned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.fault_findings import source_changed_finding, with_database
from datacheck.backends.lmdb.format import DUPSORT, PageDamaged
from datacheck.backends.lmdb.holes import holes, values_on
from datacheck.backends.lmdb.metas import LOST
from datacheck.backends.lmdb.orphans import Orphans, holds_no_records
from datacheck.backends.lmdb.page_sums import WORD, Account, are_of_commit
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.ranges import Ranges
from datacheck.backends.lmdb.salvage import Salvage
from datacheck.backends.lmdb.skeleton import NAMES_SOUGHT, Skeleton, skeleton
from datacheck.backends.lmdb.tree import Tree
from datacheck.backends.shared.key_arrays import Flags
from datacheck.model.blocks import Shard, ignore
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

LOOKED_UP = 100
"""Number of unreached leaves whose first and last keys are looked up in the databases."""


def verify(data: Path) -> list[Finding]:
    """Examine the whole structure of an environment and return all that is wrong with it. Raises PageDamaged."""
    bones = skeleton(data)
    with Pages(data, bones.metas) as pages:
        findings, sums = _examine_leaves(pages, bones)
    return [*bones.findings, *findings, *conclude(data, sums)]


def _examine_leaves(pages: Pages, bones: Skeleton) -> tuple[list[Finding], Counter[str]]:
    """Return what is wrong with the leaves and values of an environment, and the sums."""
    findings: list[Finding] = []
    sums: Counter[str] = Counter()
    for part in bones.trees:
        ranges = Ranges(pages, bones, part)
        salvage = Salvage(pages, bones, Shard(part), ignore)
        for piece in ranges.pieces(Shard(part), None):
            for block in () if piece.sound else salvage.blocks(piece, None):
                findings += [block.place(row, finding, None) for row, finding in block.findings]
        sums.update(ranges.account.sums)
        sums.update(salvage.account)
    return findings, sums


def conclude(data: Path, sums: Mapping[str, int]) -> list[Finding]:
    """Return what the sums of all shards of an environment show to be wrong with it as a whole."""
    bones = skeleton(data)
    with Pages(data, bones.metas) as pages:
        if not are_of_commit(sums, pages.meta.txnid):
            return [source_changed_finding(": its parts were read as of several commits")]
        try:
            findings = _findings_by_sums(pages, bones, sums)
        except PageDamaged:  # a page that was sound no longer is
            return [source_changed_finding()]
        return [source_changed_finding()] if findings and pages.moved_on() else findings


def _findings_by_sums(pages: Pages, bones: Skeleton, sums: Mapping[str, int]) -> list[Finding]:
    if sums.get("died") or (sums.get("pieces") and sums.get("salvaged")):
        # a leaf shared by two pieces counts as a whole in a sound piece, and by its records in a salvaged one
        _, sums = _examine_leaves(pages, bones)
    findings = list(_record_count_findings(bones, sums)) if pages.metas.sound else []
    findings += holes(pages, bones)
    if sums.get("salvaged") or not bones.sound:
        return findings
    sought = bones.names or pages.meta.main.entries <= NAMES_SOUGHT
    if sought and not _pages_add_up(pages, bones, sums):
        findings += _page_use_findings(pages, bones)
    return findings + list(_page_count_findings(bones, sums))


def _record_count_findings(bones: Skeleton, sums: Mapping[str, int]) -> Iterator[Finding]:
    """Yield a finding for each database that has another number of records than it says."""
    for part, tree in bones.trees.items():
        if tree.record.root == LOST or tree.nameless:
            continue
        read = sums.get(f"{part} entries", 0)
        declared = tree.record.entries
        if sums.get("salvaged") and not part:
            declared -= min(declared, len(bones.names))
        if read == declared:
            continue
        name = f"the database {part}" if part else "the database"
        lost = max(0, declared - read)
        cost = f"{lost:,} are lost" if lost else "there are more than that"
        why = f"{name} says that it has {counted(declared, 'record')}, and {read:,} were read: {cost}"
        yield with_database(found("damaged-store", why, kind="records", count=lost, said=declared, read=read), part)


def _pages_add_up(pages: Pages, bones: Skeleton, sums: Mapping[str, int]) -> bool:
    """Return whether the pages that were seen are all existing pages, each once."""
    read = {name: (sums.get(name, 0) + bones.account.sums[name]) % WORD for name in ("pages", "first", "second")}
    last = pages.meta.last_page
    first = last * (last + 1) // 2 - 1
    second = last * (last + 1) * (2 * last + 1) // 6 - 1
    return read == {"pages": last - 1, "first": first % WORD, "second": second % WORD}


def _page_count_findings(bones: Skeleton, sums: Mapping[str, int]) -> Iterator[Finding]:
    """Yield a finding for each wrong page count of a database.

    If keys have several values, some writers count the pages of these too, and still do after deleting them.
    """
    for part, tree in bones.trees.items():
        several = bool(tree.record.flags & DUPSORT)
        counts = {
            "branch": (tree.record.branches, tree.branches, several),
            "leaf": (tree.record.leaves, sums.get(f"{part} leaves", 0), several),
            "overflow": (tree.record.overflow, sums.get(f"{part} overflow", 0), False),
        }
        for kind, (declared, actual, may_exceed) in counts.items():
            if declared < actual or (declared > actual and not may_exceed):
                name = f"the database {part}" if part else "the database"
                why = f"{name} says that it has {declared:,} {kind} pages, and has {actual:,}"
                finding = found("damaged-store", why, verdict="suspicious", kind="count", said=declared, seen=actual)
                yield with_database(finding, part)


class _Ledger(Account):
    """An account that marks each counted page; `twice` has the pages that were marked before."""

    def __init__(self, used: NDArray[np.uint8]) -> None:
        super().__init__()
        self.used, self.twice = used, np.zeros(len(used), bool)

    def add_extents(self, first: NDArray[np.uint64], count: NDArray[np.uint64]) -> None:
        for start, number in zip(first.tolist(), count.tolist(), strict=True):
            marks = self.used[start : start + number]
            self.twice[start : start + number] |= marks != 0
            marks[:] = 1


def _page_use_findings(pages: Pages, bones: Skeleton) -> Iterator[Finding]:
    """Yield findings for pages used twice, with the records that share them, and for pages neither used nor free."""
    used = np.where(bones.used != 0, 1, 0).astype(np.uint8)
    for part in bones.trees:
        for numbers in Ranges(pages, bones, part).leaf_numbers():
            used[numbers[numbers < len(used)]] = 0  # they are counted while they are judged
    ledger = _Ledger(used)
    for part in bones.trees:
        ranges = Ranges(pages, bones, part)
        ranges.account = ledger
        for _ in ranges.pieces(Shard(part), None):
            pass
    yield from _shared_page_findings(pages, bones, ledger.twice)
    unused = np.flatnonzero(ledger.used[2:] == 0) + 2
    if len(unused):
        orphans = Orphans(pages, ledger.used, known=True)
        leaves = len(orphans)
        missing = _missing_key(pages, bones, orphans)
        cost = f"; {counted(leaves, 'of them looks like a leaf', 'of them look like leaves')}" if leaves else ""
        if missing is not None:
            cost += f", and the store has no record of the key {escape(missing)} that is there: records may be missing"
        why = (
            f"{counted(len(unused), 'page')}, the first is {unused[0]:,}, "
            f"{'is' if len(unused) == 1 else 'are'} neither used nor listed as free{cost}"
        )
        yield found(
            "damaged-store",
            why,
            verdict="suspicious" if missing is None else "unverifiable",
            kind="unused",
            count=len(unused),
            page=int(unused[0]),
            offset=int(unused[0]) * pages.page_size,
        )


def _missing_key(pages: Pages, bones: Skeleton, orphans: Orphans) -> bytes | None:
    """Return a key on the first LOOKED_UP unreached leaves that no database has, or None."""
    for number, keys in orphans.first_leaves(LOOKED_UP):
        if holds_no_records(pages, number):
            continue
        for key in keys:
            if key and not any(_has_key(pages, tree, key) for tree in bones.trees.values()):
                return key
    return None


def _has_key(pages: Pages, tree: Tree, key: bytes) -> bool:
    order = tree.record.order()
    node = next((node for node, _ in pages.leaf_nodes(tree.record, key)), None)
    return node is not None and order(node.key) == order(key)


def _shared_page_findings(pages: Pages, bones: Skeleton, twice: Flags) -> Iterator[Finding]:
    """Yield a finding for each record whose value shares pages with something else, and one for all such pages."""
    if not twice.any():
        return
    for part, key, first, count, _ in values_on(pages, bones, twice):
        why = f"the value has pages {first:,} to {first + count - 1:,}, and something else has some of them too"
        finding = found("damaged-store", why, verdict="suspicious", page=first, offset=first * pages.page_size)
        yield with_database(msgspec.structs.replace(finding, key=escape(key)), part)
    number = int(np.flatnonzero(twice)[0])
    why = f"{counted(int(twice.sum()), 'page is', 'pages are')} used twice, the first of them is {number:,}"
    offset = number * pages.page_size
    yield found("damaged-store", why, kind="shared", count=int(twice.sum()), page=number, offset=offset)
