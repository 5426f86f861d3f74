"""Read the records of a damaged LMDB page by page, where the library must not be used.

Everything readable is returned in key order. What cannot be read is reported: the page, the keys that it leads to, the
record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from datacheck.backends.lmdb.fault_findings import Fault, finding_of, with_database
from datacheck.backends.lmdb.format import BIGDATA, DUPDATA, DUPSORT, LEAF, Node
from datacheck.backends.lmdb.lost_pages import FREE
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.ranges import Piece
from datacheck.backends.lmdb.skeleton import Skeleton
from datacheck.backends.lmdb.tolerant_page import Parsed, parse, with_keys, without_gaps
from datacheck.backends.lmdb.tree import Tree
from datacheck.backends.lmdb.values import Damage, read_duplicates, read_value
from datacheck.model.blocks import Block, Note, Position, Shard
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

BLOCK_BYTES = 1 << 20
BLOCK_RECORDS = 4096
READ_TWICE = 2
"""Limit of what the records of one shard may take in total, as a multiple of the file's size.

Sound records do not share pages.
"""
SPARE_BYTES = 64 << 20
Record = tuple[bytes, bytes, list[Finding]]


class _Source(msgspec.Struct, frozen=True):
    """A node of a leaf; `doubt` says that the leaf may belong to an older commit."""

    node: Node
    page: Parsed
    doubt: bool


class Salvage:
    """A reader of damaged pieces of one range. Findings about the store, not a record, go with the next block."""

    def __init__(
        self, pages: Pages, bones: Skeleton, shard: Shard, note: Note, avoid: Collection[bytes] = frozenset()
    ) -> None:
        self._pages, self._bones, self._shard = pages, bones, shard
        self._tree = bones.trees.get(shard.part) or Tree(shard.part, pages.meta.main)
        self._order = self._tree.record.order()
        self._note, self._avoid = note, avoid
        self._left = READ_TWICE * pages.size + SPARE_BYTES
        self._seen: set[int] = set()
        self._shared: frozenset[int] = frozenset()
        self._fault: Fault | None = None
        self._store_findings: list[Finding] = []
        self.account: Counter[str] = Counter()

    def blocks(self, piece: Piece, limit: int | None) -> Iterator[Block]:
        """Yield the records of a piece in blocks, with the findings about each."""
        keys: list[bytes] = []
        values: list[bytes] = []
        findings: list[tuple[int | None, Finding]] = []
        size = 0
        for key, value, record_findings in self._records(piece):
            findings += [(len(keys), finding) for finding in record_findings]
            keys.append(key)
            values.append(value)
            size += len(value)
            if size >= BLOCK_BYTES or len(keys) >= min(limit or BLOCK_RECORDS, BLOCK_RECORDS):
                yield self._block(keys, values, findings)
                keys, values, findings, size = [], [], [], 0
        self._report_fault()
        if keys or self._store_findings:
            yield self._block(keys, values, findings)

    def _block(self, keys: list[bytes], values: list[bytes], findings: list[tuple[int | None, Finding]]) -> Block:
        store_findings: list[tuple[int | None, Finding]] = [(None, finding) for finding in self._store_findings]
        self._store_findings = []
        self.account["salvaged"] = 1
        self.account[f"{self._shard.part} entries"] += len(keys)
        return Block(keys, values, database=self._shard.part or None, findings=[*store_findings, *findings])

    def _records(self, piece: Piece) -> Iterator[Record]:
        """Yield the records of a piece in order."""
        self._shared = piece.shared
        start, stop = piece.shard.start or Position(b""), piece.shard.stop
        first = (self._order(start.key_bytes), start.nth)
        last = None if stop is None else (self._order(stop.key_bytes), stop.nth)
        for source in self._sources(piece):
            key = self._order(source.node.key)
            if key < first[0] or (not self._shard.part and source.node.key in self._bones.names):
                continue
            if last is not None and (key, 0) >= last:
                continue
            for nth, (value, findings) in enumerate(self._values_of_key(source)):
                place = (key, nth)
                if place >= first and (last is None or place < last):
                    yield source.node.key, value, findings

    def _values_of_key(self, source: _Source) -> Iterator[tuple[bytes, list[Finding]]]:
        """Yield each value of a node's key, with the findings about it."""
        node = source.node
        doubts = []
        if source.doubt:
            why = f"no branch leads to its page {source.page.number:,}: it may be an old version, or deleted"
            doubts = [found("orphan", why, page=source.page.number)]
        if node.flags & DUPDATA and self._tree.record.flags & DUPSORT:
            yield from ((value, doubts) for value in self._duplicates(source))
            return
        self._note(Position(node.key), True)
        if node.key in self._avoid:
            yield b"", []
            return
        value, findings = self._value(source)
        yield value, findings + doubts

    def _value(self, source: _Source) -> tuple[bytes, list[Finding]]:
        node, page_size = source.node, self._pages.page_size
        if node.flags & ~BIGDATA:
            return b"", [_finding("damaged-store", f"has the flags {node.flags:#x}", source.page.number, page_size)]
        self._left -= node.size
        if self._left < 0:
            why = "is not read: it shares its pages with other records"
            return b"", [_finding("damaged-store", why, source.page.number, page_size)]
        value = read_value(self._pages, source.page, node)
        if value.wrong:
            return value.data, [_finding(value.code, value.wrong, value.page, page_size)]
        if value.extent is None or value.page not in self._shared:
            return value.data, []
        why = f"the value lies on pages from {value.page:,} on, and so does another one: one of the two is wrong"
        shared = found("damaged-store", why, verdict="unverifiable", page=value.page, offset=value.page * page_size)
        return value.data, [shared]

    def _duplicates(self, source: _Source) -> Iterator[bytes]:
        """Yield the values of a key that has several; findings about lost values name the key."""
        node, order = source.node, self._tree.record.value_order()
        last: Any = None
        nth = 0
        for value in read_duplicates(self._pages, source.page, node, self._tree.record, self._visit):
            if not isinstance(value, Damage) and last is not None and order(value) <= last:
                value = Damage(source.page.number, "one of its values is out of order")
            if isinstance(value, Damage):
                lost = _finding("damaged-store", f"is lost in part: {value.why}", value.page, self._pages.page_size)
                named = with_database(msgspec.structs.replace(lost, key=escape(node.key)), self._shard.part)
                self._store_findings.append(named)
                continue
            last = order(value)
            self._note(Position(node.key, nth), True)
            nth += 1
            yield value

    def _visit(self, page: int) -> bool:
        """Note a page of a tree of values; return False if it is no page, or was noted before."""
        if page in self._seen or not 2 <= page <= self._pages.meta.last_page:
            return False
        self._seen.add(page)
        return True

    def _sources(self, piece: Piece) -> Iterator[_Source]:
        """Yield the nodes of a piece's leaves in order; if leaves overlap, each key only once."""
        leaves, doubts = piece.leaves, piece.doubt.tolist()
        at = 0
        while at < len(leaves):
            low, high = leaves.lowest(at), leaves.highest(at)
            self._note(self._start_of(low), False)
            several = []
            while at < len(leaves) and (leaves.lowest(at), leaves.highest(at)) == (low, high):
                number = int(leaves.numbers[at])
                parsed = self._parsed(number, low, high)
                stale = number < len(self._bones.used) and self._bones.used[number] & FREE
                several.append((parsed, doubts[at] or bool(stale)))
                at += 1
            if len(several) == 1 and (several[0][0].faults or stale):
                several = [*self._replacements(several[0][0], bool(stale), low, high), *several]
            if len(several) == 1:
                yield from (_Source(node, *several[0]) for node in several[0][0].nodes)
                continue
            several.sort(key=lambda it: not it[1])  # if several leaves have a key, the last one counts
            each = ((node, parsed, doubt) for parsed, doubt in several for node in parsed.nodes)
            merged = {self._order(node.key): _Source(node, parsed, doubt) for node, parsed, doubt in each}
            yield from (merged[key] for key in sorted(merged))

    def _start_of(self, low: bytes | None) -> Position:
        """Return where the records of a leaf begin within the range, which may begin inside the leaf."""
        start = self._shard.start or Position(b"")
        if low is None or self._order(low) <= self._order(start.key_bytes):
            return start
        return Position(low)

    def _parsed(self, number: int, low: bytes | None, high: bytes | None) -> Parsed:
        return without_gaps(self._pages, with_keys(parse(self._pages, number, LEAF, self._order, low, high)))

    def _replacements(
        self, parsed: Parsed, stale: bool, low: bytes | None, high: bytes | None
    ) -> list[tuple[Parsed, bool]]:
        """Note what is wrong with a leaf, and return the unreached leaves that may replace it."""
        replacements: list[tuple[Parsed, bool]] = []
        if parsed.lost != 0 or stale:
            orphans = self._bones.orphans(self._pages, lambda: self._note(self._start_of(low), False))
            for group in orphans.within(self._pages, self._tree.record, low, high):
                for number in group.leaves:
                    orphan = self._parsed(number, low, high)
                    replacements.append((orphan, group.doubt))
        start = self._shard.start or Position(b"")
        begins = start == Position(b"") or (low is not None and self._order(low) >= self._order(start.key_bytes))
        if parsed.faults and begins:
            self._note_fault(parsed, low, high, sum(len(it.nodes) for it, _ in replacements))
        return replacements

    def _note_fault(self, parsed: Parsed, low: bytes | None, high: bytes | None, found_again: int) -> None:
        """Note a fault of a leaf; successive leaves with the same fault and nothing readable become one fault."""
        why = ", ".join(parsed.faults)
        if found_again:
            records = counted(found_again, "record with such keys was", "records with such keys were")
            after = f"; {records} found on pages that no branch reaches"
        elif parsed.nodes:
            after = "; " + counted(len(parsed.nodes), "of its records is left", "of its records are left")
            after += "" if parsed.lost else ", all it had"
        else:
            after = "; its records are lost"
        before = self._fault
        code = "truncated-store" if "end of the file" in why else "damaged-store"
        fault = Fault("leaf", parsed.number, why, self._shard.part, True, low, high, code, 1, after)
        if before is not None and parsed.is_lost and (before.why, before.after) == (why, after) and before.high == low:
            self._fault = msgspec.structs.replace(before, high=high, count=before.count + 1)
            return
        self._report_fault()
        self._fault = fault

    def _report_fault(self) -> None:
        if self._fault is not None:
            self._store_findings.append(finding_of(self._fault, self._pages.page_size))
            self._fault = None


def _finding(code: str, wrong: str, page: int, page_size: int) -> Finding:
    return found(code, f"the value {wrong}", page=page, offset=page * page_size)
