"""Find the groups of a damaged file, from its root and among unreachable objects, with the remaining links of each."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from datacheck.backends.hdf5.name_heap import in_heap
from datacheck.backends.hdf5.recovery.dense import heaped, places_of
from datacheck.backends.hdf5.recovery.headers import LINK, LINK_INFO, Header, header, of_group
from datacheck.backends.hdf5.recovery.links import (
    HARD,
    Entry,
    Link,
    SymbolTable,
    entries,
    fits,
    names_of,
    of_message,
    symbol_table,
)
from datacheck.backends.hdf5.recovery.raw import Raw
from datacheck.backends.hdf5.recovery.searching import Found
from datacheck.backends.hdf5.superblock import SYMBOL_TABLE
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
        self.made: list[Group] = []
        self.torn: dict[int, tuple[bytes, Header]] = {}
        """Headers that lost a piece or were rewritten, with their paths, by address."""
        self.seen: set[int] = set()
        self.count: dict[int, int] = defaultdict(int)
        """Number of links that lead to each object, by address."""
        self._raw, self._found, self._troubled, self._cut = raw, found, troubled, cut
        self._headers: dict[int, Header] = {}

    def header(self, address: int) -> Header | None:
        """Return the header at an address, or None if there is none."""
        made = self._headers.get(address)
        if made is None:
            made = header(self._raw, address)
            if made is not None and sum(len(it.held) for it in made.pieces) <= HEADER_BYTES:
                if len(self._headers) >= CACHED:
                    self._headers.clear()
                self._headers[address] = made
        return made

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
            made = self.header(address)
            if link.places is not None:
                made = of_group(self._raw, address, copied(made), link.places)
            if made is None or not (made.is_group or made.lost or made.rewritten):
                continue
            path = above if depth > DEEPEST or not link.name else above + b"/" + link.name
            if not self._raw.keep(HEADER_BYTES + len(path)):
                return
            if made.lost or made.rewritten:
                self.torn[address] = path, made
            if made.is_group:
                group = self._group(path, made)
                self.made.append(group)
                if not self._raw.keep(LINK_BYTES * len(group.links) + sum(len(it.name) for it in group.links)):
                    group.links.clear()
                    return
                todo += [(path, depth + 1, it) for it in reversed(group.links) if it.kind == HARD]

    def _group(self, path: bytes, made: Header) -> Group:
        table = made.first(SYMBOL_TABLE)
        if table is not None and len(table.held) >= 16:
            tree, heap = struct.unpack_from("<QQ", table.held)
            read = symbol_table(self._raw, tree, heap)
            lost = bool(read.lost)
            anew = lost or read.short
            return Group(
                path, made, read.links, read.names if lost else set(), lost, read.beyond, anew, table=read, heap=heap
            )
        links = [link for it in made.messages if it.kind == LINK and (link := of_message(it.held))]
        group = Group(path, made, [link for link, _ in links], changed=made.first(LINK_INFO) is None)
        info = made.first(LINK_INFO)
        places = None if info is None else places_of(info)
        if places is not None:
            heap, trees = places
            held = heaped(self._raw, heap, trees, self._found.blocks.get(heap, []))
            group.links += held.links
            group.lost = group.changed = path in self._troubled
            group.names |= held.unproven
            group.whole = held.certain
            group.beyond = self._cut
        return group

    @cached_property
    def _free(self) -> dict[int, list[Entry]]:
        """The entries of orphaned symbol table nodes, to which no tree of a known group leads, by node address."""
        owned: set[int] = set()
        for at in self._found.headers if self._found.nodes else ():
            made = self.header(at)
            table = made.first(SYMBOL_TABLE) if made is not None else None
            if table is not None and len(table.held) >= 16:
                owned |= symbol_table(self._raw, *struct.unpack_from("<QQ", table.held)).nodes
        owned |= {at for group in self.made if group.table for at in group.table.nodes}
        free = {}
        for at in self._found.nodes:
            there = entries(self._raw, at) if at not in owned else []
            if there and self._raw.keep(ENTRY_BYTES * len(there)):
                free[at] = there
        return free

    @cached_property
    def _heaps(self) -> dict[int, bytes]:
        """The name heaps to which no known group leads, by address."""
        owned: set[int] = set()
        for at in self._found.headers if self._found.heaps else ():
            made = self.header(at)
            table = made.first(SYMBOL_TABLE) if made is not None else None
            if table is not None and len(table.held) >= 16:
                owned.add(int(struct.unpack_from("<Q", table.held, 8)[0]))
        owned |= {group.heap for group in self.made if group.heap is not None}
        return {at: held for at in self._found.heaps if at not in owned and (held := names_of(self._raw, at))}

    @cached_property
    def _names(self) -> Counter[bytes]:
        """The contents of all name heaps, with the number of heaps that have each."""
        return Counter(held for at in self._found.heaps if (held := names_of(self._raw, at)))

    def adopt(self) -> None:
        """Assign orphaned nodes to the only group whose names they have, and walk the objects that they lead to.

        Groups with the same names have equal heaps. Nothing tells to which of them a node belongs or belonged, so it is
        not assigned.
        """
        while not self._raw.exhausted:
            asking = [it for it in self.made if it.table is not None and it.table.treeless and it.table.heap]
            asking = [it for it in asking if it.table is not None and self._names[it.table.heap] == 1]
            if not asking or not self._give(asking, list(self._names)):
                return

    def _give(self, asking: Sequence[Group], heaps: Sequence[bytes]) -> bool:
        fitting: dict[int, Group] = {}
        for at, there in self._free.items():
            takers = [group for group in asking if group.table and _takes(self._raw, group.table, there)]
            if len(takers) == 1 and sum(fits(self._raw, heap, there) for heap in heaps) == 1:
                fitting[at] = takers[0]
        claims = Counter((group.header.address, it.name_at) for at, group in fitting.items() for it in self._free[at])
        given = False
        for at, group in fitting.items():
            if self._raw.exhausted:
                return False
            if any(claims[group.header.address, it.name_at] > 1 for it in self._free[at]):
                continue  # one of them is a former node of these names, and nothing tells which
            table = group.table
            assert table is not None
            links = [link for it in self._free.pop(at) if (link := it.link(table.heap))]
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
        wrong = {at for at, count in several.items() if (made := self.header(at)) and count > made.links}
        paths: dict[int, list[bytes]] = defaultdict(list)
        for group in self.made if wrong else ():
            gone = [it for it in group.links if it.kind == HARD and it.address in wrong]
            if gone and (group.changed or group.whole):
                group.links = [it for it in group.links if it.kind != HARD or it.address not in wrong]
                group.changed = True
            for it in gone:
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
        below = {it.address for at in loose for it in self._below(at)}
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

    def _below(self, address: int) -> Iterable[Link]:
        made = self.header(address)
        return self._group(b"", made).links if made is not None and made.is_group else ()

    def headless(self, above: bytes) -> list[tuple[bytes, list[Link]]]:
        """Return paths and links of groups of which only the name heap and some nodes with these names are left."""
        heaps = self._heaps
        held: dict[int, list[Link]] = defaultdict(list)
        for found in self._free.values():
            takers = [at for at, heap in heaps.items() if fits(self._raw, heap, found)]
            if self._raw.exhausted:
                return []
            if len(takers) == 1:
                heap = heaps[takers[0]]
                held[takers[0]] += [link for it in found if (link := it.link(heap))]
        whole = {
            at: links for at, links in held.items() if {it.name for it in links} <= set(in_heap(self._raw.read, at))
        }
        unseen = ((at, [it for it in links if it.address not in self.seen]) for at, links in sorted(whole.items()))
        return [(above + b"/at_%d" % at, links) for at, links in unseen if links]


def copied(made: Header | None) -> Header | None:
    """Return a copy of a header whose lists may be changed without changing the original."""
    if made is None:
        return None
    return replace(made, messages=[*made.messages], lost=[*made.lost])


def _takes(raw: Raw, table: SymbolTable, found: Sequence[Entry]) -> bool:
    if not fits(raw, table.heap, found):
        return False
    names = {link.name for it in found if (link := it.link(table.heap))}
    return names == table.names or (len(names) > 1 and names < table.names)
