"""Find the groups of a damaged file, from its root and among unreachable objects, with the remaining links of each."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from datacheck.backends.hdf5.recovery.dense import links_in_heap, places_of
from datacheck.backends.hdf5.recovery.headers import LINK, LINK_INFO, Header, completed_header, header
from datacheck.backends.hdf5.recovery.links import (
    HARD,
    Entry,
    Link,
    SymbolTable,
    entries,
    heap_data,
    link_in_message,
    names_fit,
    symbol_table,
)
from datacheck.backends.hdf5.recovery.raw import Raw
from datacheck.backends.hdf5.recovery.searching import Found
from datacheck.backends.hdf5.structure.name_heap import names_in_heap
from datacheck.backends.hdf5.structure.superblock import SYMBOL_TABLE
from datacheck.model.replacing import replace

DEEPEST = 256
"""Maximum depth of paths, as in the walk of a file; objects below it get the path of the group at that depth."""
LINK_BYTES, HEADER_BYTES, ENTRY_BYTES = 200, 1000, 300
"""Approximate memory, in bytes, of a kept link, of a group with its header, and of an entry of an orphaned node."""
NAMED = 10
"""Maximum number of links listed per object to which more links lead than its header says."""
ORPHANS, ORPHAN_BYTES = 1000, 1024
"""A file may have ORPHANS unreachable objects, and one more for each ORPHAN_BYTES of its size. A dataset with its
header and values is larger than that, and each object costs a scan as much as any other."""
CACHED = 4096
"""Maximum number of headers that are cached; only headers of at most HEADER_BYTES are."""


@dataclass
class Group:
    """A group under its first path, with the links found; `changed` if the library is shown these instead of its own.

    `names` are the names of lost links. `lost` says that some links are lost, `beyond` that they lay beyond the end of
    the file.
    """

    path: bytes
    header: Header
    links: list[Link]
    names: set[bytes] = field(default_factory=set)
    lost: bool = False
    beyond: bool = False
    changed: bool = False
    whole: bool = True
    """Whether these are all the links that the library itself finds. Only matters if `changed` is false."""
    table: SymbolTable | None = None
    heap: int | None = None


class Groups:
    """Walks groups, each object once. `troubled` are the paths of groups whose links the library could not list."""

    def __init__(self, raw: Raw, found: Found, troubled: frozenset[bytes], *, cut: bool) -> None:
        self.groups: list[Group] = []
        self.torn: dict[int, tuple[bytes, Header]] = {}
        """Headers that lost a piece or were rewritten, with their paths, by address."""
        self.seen: set[int] = set()
        self.count: dict[int, int] = defaultdict(int)
        """Number of links that lead to each object, by address."""
        self._raw, self._found, self._troubled, self._cut = raw, found, troubled, cut
        self._headers: dict[int, Header] = {}

    def header(self, address: int) -> Header | None:
        """Return the header at an address, or None if there is none."""
        object_header = self._headers.get(address)
        if object_header is None:
            object_header = header(self._raw, address)
            if object_header is not None and sum(len(it.held) for it in object_header.pieces) <= HEADER_BYTES:
                if len(self._headers) >= CACHED:
                    self._headers.clear()
                self._headers[address] = object_header
        return object_header

    def walk(self, path: bytes, address: int, places: tuple[int, int] | None = None) -> None:
        """Walk an object and all below it; `places` are the addresses of an old-style group's tree and heap."""
        above, _, name = path.rpartition(b"/")
        todo = [(above, 0, Link(name, address, places=places))]
        while todo:
            above, depth, link = todo.pop()
            address = link.address
            self.count[address] += 1
            if address in self.seen:
                continue
            self.seen.add(address)
            object_header = self.header(address)
            if link.places is not None:
                object_header = completed_header(self._raw, address, copied(object_header), link.places)
            if object_header is None or not (object_header.is_group or object_header.lost or object_header.rewritten):
                continue
            path = above if depth > DEEPEST or not link.name else above + b"/" + link.name
            if not self._raw.keep(HEADER_BYTES + len(path)):
                return
            if object_header.lost or object_header.rewritten:
                self.torn[address] = path, object_header
            if object_header.is_group:
                group = self._group(path, object_header)
                self.groups.append(group)
                if not self._raw.keep(LINK_BYTES * len(group.links) + sum(len(it.name) for it in group.links)):
                    group.links.clear()
                    return
                todo += [(path, depth + 1, it) for it in reversed(group.links) if it.kind == HARD]

    def _group(self, path: bytes, object_header: Header) -> Group:
        table = object_header.first(SYMBOL_TABLE)
        if table is not None and len(table.held) >= 16:
            tree, heap = struct.unpack_from("<QQ", table.held)
            read = symbol_table(self._raw, tree, heap)
            lost = bool(read.lost)
            anew = lost or read.short
            return Group(
                path,
                object_header,
                read.links,
                read.names if lost else set(),
                lost,
                read.beyond,
                anew,
                table=read,
                heap=heap,
            )
        links = [link for it in object_header.messages if it.kind == LINK and (link := link_in_message(it.held))]
        group = Group(path, object_header, [link for link, _ in links], changed=object_header.first(LINK_INFO) is None)
        info = object_header.first(LINK_INFO)
        places = None if info is None else places_of(info)
        if places is not None:
            heap, trees = places
            heap_links = links_in_heap(self._raw, heap, trees, self._found.blocks.get(heap, []))
            group.links += heap_links.links
            group.lost = group.changed = path in self._troubled
            group.names |= heap_links.unproven
            group.whole = heap_links.certain
            group.beyond = self._cut
        return group

    @cached_property
    def _orphaned_nodes(self) -> dict[int, list[Entry]]:
        """The entries of orphaned symbol table nodes, to which no tree of a known group leads, by node address."""
        owned: set[int] = set()
        for at in self._found.headers if self._found.nodes else ():
            object_header = self.header(at)
            table = object_header.first(SYMBOL_TABLE) if object_header is not None else None
            if table is not None and len(table.held) >= 16:
                owned |= symbol_table(self._raw, *struct.unpack_from("<QQ", table.held)).nodes
        owned |= {at for group in self.groups if group.table for at in group.table.nodes}
        free = {}
        for at in self._found.nodes:
            orphaned = entries(self._raw, at) if at not in owned else []
            if orphaned and self._raw.keep(ENTRY_BYTES * len(orphaned)):
                free[at] = orphaned
        return free

    @cached_property
    def _orphaned_heaps(self) -> dict[int, bytes]:
        """The name heaps to which no known group leads, by address."""
        owned: set[int] = set()
        for at in self._found.headers if self._found.heaps else ():
            object_header = self.header(at)
            table = object_header.first(SYMBOL_TABLE) if object_header is not None else None
            if table is not None and len(table.held) >= 16:
                owned.add(int(struct.unpack_from("<Q", table.held, 8)[0]))
        owned |= {group.heap for group in self.groups if group.heap is not None}
        return {at: names for at in self._found.heaps if at not in owned and (names := heap_data(self._raw, at))}

    @cached_property
    def _heap_counts(self) -> Counter[bytes]:
        """The contents of all name heaps, with the number of heaps that have each."""
        return Counter(names for at in self._found.heaps if (names := heap_data(self._raw, at)))

    def adopt(self) -> None:
        """Assign orphaned nodes to the only group whose names they have, and walk the objects that they lead to.

        Groups with the same names have equal heaps. Nothing tells to which of them a node belongs or belonged, so it is
        not assigned.
        """
        while not self._raw.exhausted:
            asking = [it for it in self.groups if it.table is not None and it.table.treeless and it.table.heap]
            asking = [it for it in asking if it.table is not None and self._heap_counts[it.table.heap] == 1]
            if not asking or not self._assign_nodes(asking, list(self._heap_counts)):
                return

    def _assign_nodes(self, asking: Sequence[Group], heaps: Sequence[bytes]) -> bool:
        fitting: dict[int, Group] = {}
        for at, node_entries in self._orphaned_nodes.items():
            takers = [group for group in asking if group.table and _may_take(self._raw, group.table, node_entries)]
            if len(takers) == 1 and sum(names_fit(self._raw, heap, node_entries) for heap in heaps) == 1:
                fitting[at] = takers[0]
        claims = Counter(
            (group.header.address, it.name_at) for at, group in fitting.items() for it in self._orphaned_nodes[at]
        )
        given = False
        for at, group in fitting.items():
            if self._raw.exhausted:
                return False
            if any(claims[group.header.address, it.name_at] > 1 for it in self._orphaned_nodes[at]):
                continue  # one of them is a former node of these names, and nothing tells which
            table = group.table
            assert table is not None
            links = [link for it in self._orphaned_nodes.pop(at) if (link := it.link(table.heap))]
            group.links += links
            group.names -= {it.name for it in links}
            table.names -= {it.name for it in links}
            given = True
            for link in links:
                if link.kind == HARD:
                    self.walk(group.path + b"/" + link.name, link.address, link.places)
        return given

    def aliased(self) -> dict[int, list[bytes]]:
        """Remove the links to objects with more links than their headers say; return the first paths of the links.

        The paths are given by the object's address. One of the links was meant to lead elsewhere, and nothing tells
        which.
        """
        several = {at: count for at, count in self.count.items() if count > 1}
        wrong = {
            at for at, count in several.items() if (object_header := self.header(at)) and count > object_header.links
        }
        paths: dict[int, list[bytes]] = defaultdict(list)
        for group in self.groups if wrong else ():
            wrong_links = [it for it in group.links if it.kind == HARD and it.address in wrong]
            if wrong_links and (group.changed or group.whole):
                group.links = [it for it in group.links if it.kind != HARD or it.address not in wrong]
                group.changed = True
            for it in wrong_links:
                if len(paths[it.address]) < NAMED and self._raw.keep(len(group.path)):
                    paths[it.address].append(group.path + b"/" + it.name)
        return paths

    def roots(self, above: bytes) -> list[tuple[bytes, int]]:
        """Walk all unreachable objects under the path `above`; return paths and addresses of the topmost ones.

        Of objects that link to one another in a circle, the first is the topmost.
        """
        self._raw.limit = max(self._raw.limit, self._raw.done) + self._raw.worth // 2
        loose = [at for at in sorted(self._found.headers) if at not in self.seen]
        most = ORPHANS + self._raw.size // ORPHAN_BYTES
        self._found.whole &= len(loose) <= most
        del loose[most:]
        below = {it.address for at in loose for it in self._links_below(at)}
        roots: list[tuple[bytes, int]] = []
        for at in (*(it for it in loose if it not in below), *loose):
            if at in self.seen:
                continue
            path = above + b"/at_%d" % at
            self.walk(path, at)
            if self._raw.exhausted:
                self._found.whole = False  # it is not known what the library would make of this object
                break
            roots.append((path, at))
        return roots

    def _links_below(self, address: int) -> Iterable[Link]:
        object_header = self.header(address)
        return self._group(b"", object_header).links if object_header is not None and object_header.is_group else ()

    def headless(self, above: bytes) -> list[tuple[bytes, list[Link]]]:
        """Return paths and links of groups of which only the name heap and some nodes with these names are left."""
        heaps = self._orphaned_heaps
        by_heap: dict[int, list[Link]] = defaultdict(list)
        for found in self._orphaned_nodes.values():
            takers = [at for at, heap in heaps.items() if names_fit(self._raw, heap, found)]
            if self._raw.exhausted:
                return []
            if len(takers) == 1:
                heap = heaps[takers[0]]
                by_heap[takers[0]] += [link for it in found if (link := it.link(heap))]
        complete = {
            at: links
            for at, links in by_heap.items()
            if {it.name for it in links} <= set(names_in_heap(self._raw.read, at))
        }
        unseen = ((at, [it for it in links if it.address not in self.seen]) for at, links in sorted(complete.items()))
        return [(above + b"/at_%d" % at, links) for at, links in unseen if links]


def copied(object_header: Header | None) -> Header | None:
    """Return a copy of a header whose lists may be changed without changing the original."""
    if object_header is None:
        return None
    return replace(object_header, messages=[*object_header.messages], lost=[*object_header.lost])


def _may_take(raw: Raw, table: SymbolTable, found: Sequence[Entry]) -> bool:
    if not names_fit(raw, table.heap, found):
        return False
    names = {link.name for it in found if (link := it.link(table.heap))}
    return names == table.names or (len(names) > 1 and names < table.names)
